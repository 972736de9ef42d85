"""How many contacts a day a branch can make: `capacity.toml`, and what a home replaces."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.declared import Declared, field_fault, merged, read_toml

SHIPPED = Path(__file__).with_name("capacity.toml")
Limit = Annotated[int, Field(ge=0)] | Literal[False]


class Capacity(Declared):
    """Contacts a day by channel: of every branch, and of some.

    Examples
    --------
    >>> found = Capacity(every_branch={"phone": 120}, branches={"B1": {"phone": 40, "wecom": 9}})
    >>> found.of("B1"), found.of("B2")
    ({'phone': 40, 'wecom': 9}, {'phone': 120})
    """

    every_branch: dict[str, Limit] = Field(description="Contacts a day by channel.")
    branches: dict[str, dict[str, Limit]] = Field(description="The same of one branch.")

    @field_validator("every_branch")
    @classmethod
    def _channels_are_known(cls, limits: dict[str, Limit]) -> dict[str, Limit]:
        for channel in limits:
            if channel not in CONTACT_CHANNELS:
                near = difflib.get_close_matches(channel, CONTACT_CHANNELS, n=1)
                raise ValueError(
                    f"channel {channel} is not known; did you mean "
                    f"{', '.join(near or CONTACT_CHANNELS)}?"
                )
        return limits

    @field_validator("branches")
    @classmethod
    def _theirs_too(cls, branches: dict[str, dict[str, Limit]]) -> dict[str, dict[str, Limit]]:
        for limits in branches.values():
            cls._channels_are_known(limits)
        return branches

    def of(self, branch: str) -> dict[str, int]:
        """Contacts a day of a branch by channel; channels without a limit are left out."""
        limits = {**self.every_branch, **self.branches.get(branch, {})}
        return {channel: most for channel, most in limits.items() if most is not False}


def load_capacity(home: Path) -> Capacity:
    """The shipped capacities, with what `<home>/capacity.toml` replaces.

    Raises
    ------
    GuanjiaError
        If the file is not TOML, names an unknown field or channel, or a number is below 0.
    """
    own = home / SHIPPED.name
    changes: Mapping[str, Any] = read_toml(own) if own.exists() else {}
    try:
        return Capacity.model_validate(merged(read_toml(SHIPPED), changes))
    except ValidationError as fault:
        raise field_fault(Capacity, fault, str(own), f"{SHIPPED.name} of this release") from fault
