"""How data gets in: one file a source, each writing the raw tables of `features.contracts.tables`."""
