"""Hold whom a list would send and leave out at an instant: what explains the numbers of a preview.

Of everybody who matched, the ids alone are held, by the rule that took them: a tenth of a selection
with its rows. So it can be kept for a moment, and the customers behind a number are those who were
counted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from features.errors import unknown_name
from serving.lists.rules import RULES
from serving.lists.selection import Selection

SENT = "sent"


@dataclass(frozen=True)
class Standing:
    """Where everybody who meets a list's condition stands at an instant.

    Attributes
    ----------
    at : datetime
        The instant.
    members : mapping of str to pyarrow.StringArray
        "sent", or a rule of the waterfall -> its customers, in the order of the list.
    ranked : pyarrow.StringArray
        All who may be contacted, with or without room for them, and those of the holdout, by rank.
    """

    at: datetime
    members: Mapping[str, pa.StringArray]
    ranked: pa.StringArray

    @property
    def sent(self) -> int:
        """How many are sent."""
        return len(self.members[SENT])

    def customers(self, rule: str) -> list[str]:
        """List the customers behind a number of the waterfall.

        Parameters
        ----------
        rule : str
            "sent", or a name of `RULES`.

        Raises
        ------
        UnknownNameError
            If there is no such rule.
        """
        check_rule(rule)
        return [str(customer) for customer in self.members.get(rule, pa.array([])).to_pylist()]

    def rule_of(self, customer_id: str) -> str | None:
        """Return "sent" or the rule that took a customer; None: the condition is not met."""
        return next(
            (rule for rule in self.members if _place(self.members[rule], customer_id)), None
        )

    def place_of(self, customer_id: str) -> int | None:
        """Return the customer's place among those sent, from 1 on; None if they are not sent."""
        return _place(self.members[SENT], customer_id)

    def rank_of(self, customer_id: str) -> int | None:
        """Return the customer's place among all who may be contacted; None if a gate holds them."""
        return _place(self.ranked, customer_id)


def check_rule(rule: str) -> None:
    """Refuse what is no number of a waterfall that has members: neither "sent" nor a rule.

    Raises
    ------
    UnknownNameError
        If there is no such rule.
    """
    if rule not in (SENT, *RULES):
        raise unknown_name("rule", rule, [SENT, *RULES])


def standing_of(selection: Selection) -> Standing:
    """Hold where the customers of a selection stand."""
    members = {SENT: _array(place.customer_id for place in selection.sent)}
    members |= {rule: _array(customers) for rule, customers in selection.left_out.items()}
    return Standing(selection.at, members, _array(selection.ranks))


def _array(customers: Iterable[str]) -> pa.StringArray:
    return pa.array(list(customers), pa.string())


def _place(customers: pa.StringArray, customer_id: str) -> int | None:
    place = pc.index(customers, customer_id).as_py()
    return None if place < 0 else place + 1
