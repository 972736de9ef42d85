"""The feature store: raw tables in, dated tags, stars and Feast views out."""
