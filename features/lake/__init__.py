"""Placeholder: filled below."""

from features.lake.connection import BATCH, DERIVED, Lake, sha256_of

__all__ = ["BATCH", "DERIVED", "Lake", "sha256_of"]
