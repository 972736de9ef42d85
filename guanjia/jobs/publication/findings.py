"""Findings of the audit of a day: the thing, its figure, the bound, and what it means for whom."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A bound that a day breaks.

    Attributes
    ----------
    kind : str
        One of `guanjia.jobs.publication.finding_words.KINDS`.
    thing : str
        What was measured: "rows of policies", "scores".
    figure : str
        What it is, as people read it: "8,004 of 20,010".
    bound : str
        What it must keep to: "at least 95.0% of the rows published before".
    meaning : str
        What follows for whom if the day is published all the same.
    chinese : str
        All of it in one Chinese sentence.
    """

    kind: str
    thing: str
    figure: str
    bound: str
    meaning: str
    chinese: str

    @property
    def sentence(self) -> str:
        """The finding in one English sentence."""
        return f"{self.thing}: {self.figure}; the bound is {self.bound}. {self.meaning}"


@dataclass(frozen=True)
class Acceptance:
    """A person's word that a day is published although it breaks bounds.

    Attributes
    ----------
    who : str
        The person.
    why : str
        The reason.
    """

    who: str
    why: str
