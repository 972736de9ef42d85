"""What the decision needs of the catalogue of touchpoints: whom to contact how, and the words."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from serving.decision.candidates import Candidate


@dataclass(frozen=True)
class Words:
    """The contact in words.

    Attributes
    ----------
    chinese, english : str
        The script, filled in.
    purpose_chinese, purpose_english : str
        What the contact is for.
    role : {"system", "sales_steward", "service_steward"}
        Who makes it.
    """

    chinese: str
    english: str
    purpose_chinese: str
    purpose_english: str
    role: str


class Menu(Protocol):
    """The touchpoints, as a decision sees them."""

    @property
    def tags(self) -> Sequence[str]:
        """Tags that conditions and scripts read."""

    @property
    def version(self) -> str:
        """A hash of the catalogue."""

    def candidates(
        self,
        decision_point: str,
        tags: Mapping[str, Any],
        stage: str | None,
        day: date,
        happened: Collection[str],
    ) -> list[Candidate]:
        """What could be done at a decision point for a customer of these tags on a day.

        Parameters
        ----------
        happened : collection of str
            Kinds of events that brought the customer here, and occasions.

        Raises
        ------
        features.errors.UnknownNameError
            If there is no such decision point.
        """

    def words(
        self,
        candidate: Candidate,
        tags: Mapping[str, Any],
        stage: str | None,
        values: Mapping[str, str],
    ) -> Words:
        """What to say."""
