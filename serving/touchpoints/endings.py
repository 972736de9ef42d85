"""Tell what ends a touchpoint: a renewal that is signed, a product that is bought.

Both are reported as outcomes, hours or days before the core system delivers the policy. From the
moment of the report the touchpoints about it are pointless. Once tags know of the signing, they
tell by themselves what is left to renew.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import get_args

from serving.touchpoints.catalogue import Catalogue
from serving.touchpoints.fields import Ending, Touchpoint
from training.models import MODELS

RENEWED_DAYS = 90
"""How long a reported renewal counts at most, if the core system never delivers it."""
BOUGHT_DAYS = 365
SIGNED_BEFORE = 3
"""Days by which a renewal may be signed before it is reported as made."""
SIGNED = "days_since_last_motor_signing"
RENEWING = ("renewal", "win_back")
"""Families of touchpoints that a renewal ends."""
ENDINGS: tuple[Ending, ...] = get_args(Ending)


@dataclass(frozen=True)
class Won:
    """An outcome that ends touchpoints (`ENDINGS`), at a touchpoint if it names one."""

    kind: str
    touchpoint: str | None
    at: datetime


@dataclass(frozen=True)
class Recorded:
    """What the records knew of all customers at an instant.

    Attributes
    ----------
    contacts : iterable of (customer, touchpoint, instant)
        The last contact made or reserved, of each customer at each touchpoint.
    won : iterable of (customer, Won)
        Outcomes that end touchpoints.
    """

    contacts: Iterable[tuple[str, str, datetime]] = ()
    won: Iterable[tuple[str, Won]] = ()


@dataclass(frozen=True)
class Past:
    """What happened with a customer that bears on what is due.

    Attributes
    ----------
    contacts : Mapping[str, datetime]
        Touchpoint -> when the last contact was made, or for when one is reserved.
    renewed : datetime or None
        When a renewal was last reported as an outcome.
    bought : Mapping[str, datetime]
        Line of insurance -> when its purchase was last reported as an outcome.
    """

    contacts: Mapping[str, datetime] = field(default_factory=dict)
    renewed: datetime | None = None
    bought: Mapping[str, datetime] = field(default_factory=dict)


def products(touchpoint: Touchpoint) -> frozenset[str]:
    """Return the lines of insurance whose purchase the models of a touchpoint predict."""
    purposes = (MODELS[name].purpose for name in touchpoint.models)
    return frozenset(purpose.line for purpose in purposes if purpose and purpose.line)


def endings(touchpoint: Touchpoint) -> frozenset[Ending]:
    """Return the outcomes that end a touchpoint: declared, or by what it is about."""
    if touchpoint.ended_by is not None:
        return frozenset(touchpoint.ended_by)
    about = {"renewed": touchpoint.family in RENEWING, "bought": bool(products(touchpoint))}
    return frozenset(ending for ending in ENDINGS if about[ending])


def what_ended(catalogue: Catalogue, won: Won) -> tuple[bool, frozenset[str]]:
    """Tell whether an outcome is a renewal, and the lines that it says were bought.

    A purchase at a touchpoint of renewal or win-back is a renewal. One that names no touchpoint may
    be of any line.
    """
    variants = [
        variant for variant in catalogue.variants.get(won.touchpoint or "", {}).values() if variant
    ]
    if won.kind == "renewed" or any(variant.family in RENEWING for variant in variants):
        return True, frozenset()
    if won.touchpoint is None:
        variants = catalogue.every_variant
    return False, frozenset(line for variant in variants for line in products(variant))


def recall(catalogue: Catalogue, contacts: Mapping[str, datetime], won: Iterable[Won]) -> Past:
    """Put together what the records know of a customer.

    Parameters
    ----------
    catalogue : Catalogue
        The touchpoints of the home.
    contacts : Mapping[str, datetime]
        Touchpoint -> last contact made or reserved.
    won : iterable of Won
        The customer's outcomes that end touchpoints.
    """
    renewed: datetime | None = None
    bought: dict[str, datetime] = {}
    for outcome in won:
        is_renewal, lines = what_ended(catalogue, outcome)
        if is_renewal:
            renewed = outcome.at if renewed is None else max(renewed, outcome.at)
        for line in lines:
            bought[line] = max(outcome.at, bought.get(line, outcome.at))
    return Past(contacts, renewed, bought)


def ended_touchpoints(catalogue: Catalogue, won: Won) -> list[str]:
    """List the touchpoints that an outcome ends, in the order of the catalogue."""
    is_renewal, lines = what_ended(catalogue, won)
    return touchpoints_about(catalogue, renewal=is_renewal, lines=lines)


def touchpoints_about(
    catalogue: Catalogue, *, renewal: bool = False, lines: Collection[str] = ()
) -> list[str]:
    """List the touchpoints that a renewal or the purchase of a line ends.

    Parameters
    ----------
    catalogue : Catalogue
        The touchpoints of the home.
    renewal : bool
        Whether motor cover was renewed.
    lines : collection of str
        Lines of insurance that were bought.
    """

    def ends(variant: Touchpoint) -> bool:
        by = endings(variant)
        bought = "bought" in by and not products(variant).isdisjoint(lines)
        return bought or (renewal and "renewed" in by)

    return [
        name
        for name, variants in catalogue.variants.items()
        if any(variant is not None and ends(variant) for variant in variants.values())
    ]


def renewal_is_pending(renewed_on: date, signed_on: date | None, day: date) -> bool:
    """Check whether a reported renewal is not in the tags yet: then the report alone tells of it.

    Parameters
    ----------
    renewed_on : date
        Day of the renewal as reported.
    signed_on : date or None
        Day of the last motor signing that the tags know.
    day : date
        The day of the question.

    Examples
    --------
    >>> reported, day = date(2026, 7, 1), date(2026, 7, 2)
    >>> renewal_is_pending(reported, date(2025, 7, 8), day)
    True
    >>> renewal_is_pending(reported, date(2026, 6, 30), day)
    False
    """
    known = signed_on is not None and signed_on >= renewed_on - timedelta(SIGNED_BEFORE)
    return not known and day < renewed_on + timedelta(RENEWED_DAYS)
