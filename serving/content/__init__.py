"""What a message may say: the check before it is sent, and of a sample afterwards."""
