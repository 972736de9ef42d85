"""Hold the rules that somebody would change, each in the place of its file."""

from dataclasses import dataclass
from pathlib import Path

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from serving.decision.capacity.settings import Capacity, load_capacity
from serving.decision.touchpoint_source import TouchpointSource
from serving.decision.worth.policy import Policy, load_policy
from serving.records.contacts.contact_caps import ContactCaps, load_contact_caps

FILES = ("policy.toml", "contact_caps.toml", "capacity.toml", "touchpoints.toml")
"""Files of rules that may be edited."""


@dataclass(frozen=True)
class EditedRules:
    """What somebody would change: each part takes the place of its file as a whole.

    Attributes
    ----------
    policy : Policy or None
        For `policy.toml`; None: as it is.
    caps : ContactCaps or None
        For `contact_caps.toml`.
    capacity : Capacity or None
        For `capacity.toml`.
    touchpoints : TouchpointSource or None
        For `touchpoints.toml`.
    folder : Path or None
        Where that file lies.
    """

    policy: Policy | None = None
    caps: ContactCaps | None = None
    capacity: Capacity | None = None
    touchpoints: TouchpointSource | None = None
    folder: Path | None = None

    @property
    def names(self) -> list[str]:
        """Files that are edited."""
        parts = (self.policy, self.caps, self.capacity, self.touchpoints)
        return [name for name, part in zip(FILES, parts, strict=True) if part is not None]


def read_edited(folder: Path, timezone: str) -> EditedRules:
    """Read the edited rules of a folder.

    Parameters
    ----------
    folder : Path
        The folder, with any of `FILES`.
    timezone : str
        The insurer's time zone.

    Raises
    ------
    GuanjiaError
        If it has none of them, or one has a fault.
    """
    names = [name for name in FILES if (folder / name).exists()]
    if not names:
        fault, cure = f"has none of {', '.join(FILES)}", "copy one there and edit it"
        raise GuanjiaError(f"folder {folder}", fault, cure)
    other = Lake(Settings(home=folder, timezone=timezone))
    return EditedRules(
        policy=load_policy(folder) if "policy.toml" in names else None,
        caps=load_contact_caps(folder) if "contact_caps.toml" in names else None,
        capacity=load_capacity(folder) if "capacity.toml" in names else None,
        touchpoints=TouchpointSource(other) if "touchpoints.toml" in names else None,
        folder=folder if "touchpoints.toml" in names else None,
    )
