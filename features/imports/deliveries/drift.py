"""Say how a delivery differs from those before, and what to write in the mapping about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from features.imports.mapping import Mapping

KINDS = {
    "no_file": "delivered without its files",
    "earlier_files": "files of earlier days beside new ones",
    "layout": "other headings",
    "encoding": "another encoding",
    "delimiter": "another delimiter",
    "new_column": "a new column",
    "absent_column": "a column that is missing",
    "renamed_column": "a column that seems to be renamed",
    "new_code": "a code never seen",
    "unread": "cells of another form",
    "fewer_rows": "far fewer rows",
}
"""Kinds of drift, in the order in which they are shown."""


@dataclass(frozen=True)
class Drift:
    """One way in which a delivery is not as before.

    Attributes
    ----------
    kind : str
        Of `KINDS`.
    source, file : str
        The source, and the file in question; empty: all of it.
    tables : tuple of str
        Raw tables that it touches.
    before, now : str
        What was known, and what is delivered: a heading, an encoding, a number of rows.
    effect : str
        What follows where it is taken, as a sentence.
    section, line : str
        Where in the mapping it is answered, and the exact line that answers it; no line: the files
        have to be planned anew or delivered again.
    """

    kind: str
    source: str
    tables: tuple[str, ...]
    before: str
    now: str
    effect: str
    section: str
    line: str
    file: str = ""

    @property
    def sentence(self) -> str:
        """What is different, in words."""
        place = f"{self.source}, {self.file}" if self.file else self.source
        return f"{place}: {KINDS[self.kind]}: {self.before} -> {self.now}"


@dataclass(frozen=True)
class Verdict:
    """What is done about the drift of a delivery.

    Attributes
    ----------
    stopped : bool
        True if a table asks: nothing is written.
    frozen : tuple of str
        Raw tables that stay as they are known.
    policies : dict of str to str
        Raw table with drift -> ask, freeze or take.
    """

    stopped: bool
    frozen: tuple[str, ...]
    policies: dict[str, str]


def judge_drift(mapping: Mapping, drifts: Sequence[Drift]) -> Verdict:
    """Decide what is done about the drift of a delivery, as its tables say in the mapping."""
    tables = dict.fromkeys(table for drift in drifts for table in drift.tables)
    policies = {table: mapping.policy(table) for table in tables}
    return Verdict(
        stopped="ask" in policies.values(),
        frozen=tuple(table for table, policy in policies.items() if policy == "freeze"),
        policies=policies,
    )


def sort_drift(drifts: Iterable[Drift]) -> list[Drift]:
    """Sort drift by source and kind; what touches no raw table is none."""
    kinds = list(KINDS)
    drifts = [drift for drift in dict.fromkeys(drifts) if drift.tables]
    return sorted(drifts, key=lambda drift: (drift.source, kinds.index(drift.kind), drift.file))
