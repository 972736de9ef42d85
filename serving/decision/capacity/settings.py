"""Load how many contacts a day a branch can make: `capacity.toml`, with what a home replaces."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.declared import Declared, load_layered, one_of

SHIPPED = Path(__file__).with_name("capacity.toml")
ContactChannel = Annotated[str, one_of(CONTACT_CHANNELS)]
Limits = dict[ContactChannel, Annotated[int, Field(ge=0)] | Literal[False]]


class Capacity(Declared):
    """Contacts a day by channel: of every branch, and of branches that differ.

    Examples
    --------
    >>> capacity = Capacity(every_branch={"phone": 120}, branches={"B1": {"phone": 40, "wecom": 9}})
    >>> capacity.limits_for("B1"), capacity.limits_for("B2")
    ({'phone': 40, 'wecom': 9}, {'phone': 120})
    """

    every_branch: Limits = Field(description="Contacts a day by channel.")
    branches: dict[str, Limits] = Field(description="The same of one branch.")

    def limits_for(self, branch: str) -> dict[str, int]:
        """Look up the contacts a day of a branch by channel; unlimited channels are left out."""
        limits = {**self.every_branch, **self.branches.get(branch, {})}
        return {channel: most for channel, most in limits.items() if most is not False}


def load_capacity(home: Path) -> Capacity:
    """Read the shipped capacities, with what `<home>/capacity.toml` replaces.

    Raises
    ------
    GuanjiaError
        If the file is not TOML, names an unknown field or channel, or a number is below 0.
    """
    return load_layered(Capacity, home / SHIPPED.name, SHIPPED, manual="docs/decisions.md")
