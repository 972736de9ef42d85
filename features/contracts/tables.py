"""Declare the contracts of the raw tables: grain, key, event time, ranges, rules as sentences.

Every row carries its event time (when it happened) and `recorded_at` (when we came to know it),
both UTC microseconds. A row is never changed in place: a change is a new row with the same key and
a later `recorded_at`, and as of a date the latest row recorded by then counts. A *milestone* is a
timestamp inside a row that is known from the moment it happens, not before: as of an earlier date
it reads null (`docs/adr/0002-row-versions-and-milestones.md`). An optional cell that breaks a rule
is left out and its row stays (`docs/adr/0029-what-a-check-takes.md`). Money is `decimal(14, 2)` in
yuan. Days are civil days of the insurer. Cover runs from `inception` at 00:00 to `expiry` at 00:00,
so an annual term expires on the anniversary of its inception.
"""

from features.contracts import insurance_tables, service_tables
from features.contracts.registry import CONTRACTS

__all__ = ["CONTRACTS", "insurance_tables", "service_tables"]
