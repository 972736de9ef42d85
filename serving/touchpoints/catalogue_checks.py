"""Check touchpoints against what the catalogue shares and against the places they are used at."""

from collections.abc import Collection, Iterable, Mapping
from itertools import product

from features.conditions import predicate
from features.errors import GuanjiaError, did_you_mean
from features.events.event_types import EVENTS
from features.tags.catalogue import catalogue, every_tag
from features.tags.relations.touchpoint_families import TOUCHPOINTS
from serving.touchpoints.fields import LINK, Touchpoint
from serving.touchpoints.shared_fields import DecisionPoint, Shared
from training.models import MODELS

ARTICLE = "Insurance Law art. 116 forbids to promise what the contract does not grant"


def check_touchpoint(thing: str, name: str, touchpoint: Touchpoint, shared: Shared) -> None:
    """Check what a touchpoint names: family, tags, events, models, offers, variables.

    Parameters
    ----------
    thing : str
        The touchpoint in an error: file, stage, branch and name.
    name : str
        Its name.
    touchpoint : Touchpoint
        The touchpoint.
    shared : Shared
        Offers, costs and variables.

    Raises
    ------
    GuanjiaError
        If it names something that is not there, or promises what it may not.
    """
    family = touchpoint.family
    if family != next((f for f, names in TOUCHPOINTS.items() if name in names), family):
        fault = "is not that of the shipped touchpoint"
        cure = "leave the family of a shipped touchpoint as it is"
        raise GuanjiaError(f"{thing}, field family", fault, cure)
    if not any(name in names for names in TOUCHPOINTS.values()) and not name.startswith(family):
        # Tags count contacts by the family that the name begins with.
        cure = f"call it {family}_{name}"
        raise GuanjiaError(thing, f"is of the family {family} by its field alone", cure)
    if touchpoint.trigger.condition:
        try:
            predicate(touchpoint.trigger.condition, every_tag())
        except GuanjiaError as error:
            field = f"{thing}, field trigger.condition"
            raise GuanjiaError(field, f"{error.thing} {error.fault}", error.cure) from error
    scripts = [script for scripts in touchpoint.script.values() for script in scripts]
    scripts += touchpoint.offer_script.values()
    variables = {variable for script in scripts for variable in script.variables}
    references: dict[str, tuple[Collection[str], Collection[str]]] = {
        "trigger.events": (touchpoint.trigger.events, EVENTS),
        "models": (touchpoint.models, MODELS),
        "offers": (touchpoint.offers, shared.offers),
        "channels": (touchpoint.every_channel, shared.costs),
        "script": (variables, shared.variables),
    }
    for field, (names, known) in references.items():
        _check_names(f"{thing}, field {field}", sorted(names), known)
    for offer in touchpoint.offers:
        if not shared.offers[offer].within_contract:
            cure = "take the offer out, or write it into the contract and name the clause"
            raise GuanjiaError(f"{thing}, field offers", f"promises {offer}: {ARTICLE}", cure)


def check_shared(
    path: str, shared: Shared, variants: Mapping[str, Iterable[Touchpoint | None]]
) -> None:
    """Check decision points, variables and openings against the touchpoints and each other.

    Parameters
    ----------
    path : str
        The file in an error.
    shared : Shared
        What touchpoints share.
    variants : Mapping of str to iterable of (Touchpoint or None)
        Each touchpoint as it is declared for every stage and branch.

    Raises
    ------
    GuanjiaError
        If a place has a touchpoint that is not there, or that has no words for it.
    """
    for name, point in shared.decision_points.items():
        if point.touchpoints != "all":
            field = f"{path}, decision point {name}, field touchpoints"
            _check_names(field, point.touchpoints, variants)
        for touchpoint, places in variants.items():
            if point.touchpoints == "all" or touchpoint in point.touchpoints:
                _check_place(f"{path}, decision point {name}", point, touchpoint, places)
    shared_scripts = [*shared.openings.values(), *shared.offer_script.values()]
    names = {name for script in shared_scripts for name in script.variables}
    _check_names(f"{path}, openings and offer_script", sorted(names), shared.variables)
    if "default" not in shared.offer_script:
        raise GuanjiaError(f"{path}, offer_script", "has no default", "write one")
    for name, variable in shared.variables.items():
        if variable.tag:
            _check_names(f"{path}, variable {name}, field tag", [variable.tag], catalogue())


def _check_place(
    thing: str, point: DecisionPoint, name: str, variants: Iterable[Touchpoint | None]
) -> None:
    """Check that a touchpoint has words for every channel of a place where it is a candidate."""
    thing = f"{thing}, touchpoint {name}"
    for channel, touchpoint in product(point.channels, variants):
        scripts = touchpoint.scripts(channel) if touchpoint else ()
        if touchpoint and not scripts:
            cure = f"write [{name}.script.{channel}], or take it out of the decision point"
            raise GuanjiaError(thing, f"has no words for {channel}", cure)
        if channel == "phone" and any(LINK in script.variables for script in scripts):
            cure = f"write [{name}.script.phone] without it"
            raise GuanjiaError(thing, "reads a link out on the phone", cure)


def _check_names(field: str, names: Collection[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            cure = did_you_mean(name, known)
            raise GuanjiaError(field, f"names {name}, which is not there", cure)
