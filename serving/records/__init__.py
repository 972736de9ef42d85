"""Operational records: decisions, contacts, outcomes, consents, reads, tasks (docs/records.md)."""
