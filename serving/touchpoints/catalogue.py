"""Which touchpoints 触点 there are: `touchpoints.toml` of this folder, and what a home changes.

A touchpoint is resolved in four steps, each over the one before: what is shipped, the home's file,
the customer's stage, his branch. A table is merged field by field; anything else is replaced; and
`false` instead of a table leaves the touchpoint out.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, get_args

from features.conditions import predicate
from features.declared import merged, overlay, parse_fields, read_toml
from features.errors import GuanjiaError, did_you_mean, unknown_name
from features.events.event_types import EVENTS
from features.tags.catalogue import catalogue, every_tag
from features.tags.relations.touchpoint_families import TOUCHPOINTS
from serving.touchpoints.fields import Channel, Shared, Stage, Touchpoint
from serving.touchpoints.scripts import Script
from training.models import MODELS

SHIPPED = Path(__file__).with_name("touchpoints.toml")
SHARED = tuple(Shared.model_fields)
STAGES = get_args(Stage)
NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
MANUAL = "docs/touchpoints.md"
ARTICLE = "Insurance Law art. 116 forbids to promise what the contract does not grant"

Fields = dict[str, Any]
Where = tuple[str | None, str | None]
"""Stage and branch of which something is declared; None: of all others."""


@dataclass(frozen=True)
class Catalogue:
    """All touchpoints, resolved for every stage and branch, and what they share.

    Attributes
    ----------
    variants : dict of str to dict
        Name -> (stage, branch) -> the touchpoint there, None where it is left out. (None, None) is
        the touchpoint of everybody of whom nothing else is said.
    """

    shared: Shared
    variants: Mapping[str, Mapping[Where, Touchpoint | None]]

    @property
    def names(self) -> list[str]:
        """All names, in the order of the file."""
        return list(self.variants)

    def find(
        self, name: str, branch: str | None = None, stage: str | None = None
    ) -> Touchpoint | None:
        """The touchpoint as it is for customers of a branch and stage; None: left out there.

        Raises
        ------
        UnknownNameError
            If there is no such touchpoint: with the nearest names.
        """
        if name not in self.variants:
            raise unknown_name("touchpoint", name, self.variants)
        found = self.variants[name]
        stages, branches = ({where[place] for where in found} for place in (0, 1))
        where = (stage if stage in stages else None, branch if branch in branches else None)
        return found[where]

    def of(self, branch: str | None = None, stage: str | None = None) -> dict[str, Touchpoint]:
        """All touchpoints there are for customers of a branch and stage, by name."""
        found = {name: self.find(name, branch, stage) for name in self.variants}
        return {name: one for name, one in found.items() if one is not None}

    def at(
        self, decision_point: str, branch: str | None = None, stage: str | None = None
    ) -> dict[str, Touchpoint]:
        """The candidates of a decision point.

        Raises
        ------
        UnknownNameError
            If there is no such decision point.
        """
        points = self.shared.decision_points
        if decision_point not in points:
            raise unknown_name("decision point", decision_point, points)
        there, listed = self.of(branch, stage), points[decision_point].touchpoints
        return {name: one for name, one in there.items() if listed == "all" or name in listed}

    def cost(self, touchpoint: Touchpoint, channel: Channel) -> Decimal:
        """Yuan that a contact costs."""
        return touchpoint.costs.get(channel, self.shared.costs[channel])

    def script(self, touchpoint: Touchpoint, channel: Channel) -> Script:
        """What is said by a channel; marketing ends with how to opt out, where one can."""
        script = touchpoint.script.get(channel) or touchpoint.script["default"]
        closing = self.shared.opt_out.get(channel)
        if touchpoint.kind != "marketing" or closing is None:
            return script
        return Script(
            chinese=f"{script.chinese}{closing.chinese}",
            english=f"{script.english} {closing.english}",
        )


def load_touchpoints(home: Path) -> Catalogue:
    """The catalogue: what is shipped, and what `<home>/touchpoints.toml` changes.

    Raises
    ------
    GuanjiaError
        If a file is not TOML, or a field is unknown, missing, out of range or names something that
        is not there: with file, touchpoint and field.
    """
    own = home / "touchpoints.toml"
    return _catalogue(own, read_toml(own)) if own.exists() else shipped_touchpoints()


@cache
def shipped_touchpoints() -> Catalogue:
    """The catalogue that comes with Guanjia."""
    return _catalogue(SHIPPED, {})


def _catalogue(path: Path, own: Fields) -> Catalogue:
    shipped = read_toml(SHIPPED)
    stages, branches = (
        merged(shipped.get(kind, {}), own.get(kind, {})) for kind in ("stage", "branch")
    )
    changes = {name: own[name] for name in SHARED if name in own}
    shared_tables = overlay({name: shipped[name] for name in SHARED}, changes, str(path))
    kept = {name: _without_left_out(table) for name, table in shared_tables.items()}
    shared = parse_fields(Shared, kept, thing=str(path), manual=MANUAL)
    base: Fields = {}
    for name, fields in {**shipped, **own}.items():
        if name not in (*SHARED, "stage", "branch"):
            _check_name(path, name, fields, shipped)
            base[name] = fields if fields is False else merged(shipped.get(name, {}), fields)
    for kind, found in (("stage", stages), ("branch", branches)):
        _check_overrides(path, kind, found, base)
    variants = {}
    for name, fields in base.items():
        if fields is not False:
            places = _places(fields, name, stages, branches)
            variants[name] = {
                where: _touchpoint(path, name, where, changed, shared) for where, changed in places
            }
    _check_shared(path, shared, base)
    return Catalogue(shared, variants)


def _without_left_out(table: Any) -> Any:
    """A shared table without single values that a home leaves out by `false`: a channel's cost."""
    if not isinstance(table, Mapping):
        return table
    return {name: value for name, value in table.items() if value is not False}


def _places(
    base: Fields, name: str, stages: Fields, branches: Fields
) -> Iterator[tuple[Where, Any]]:
    """The fields of a touchpoint for everybody, and for each stage and branch that differs."""
    for stage in (None, *(one for one in stages if name in stages[one])):
        of_stage = base if stage is None else merged(base, stages[stage][name])
        yield (stage, None), of_stage
        for branch in (one for one in branches if name in branches[one]):
            # A branch can take up again what a stage leaves out.
            under = base if of_stage is False else of_stage
            yield (stage, branch), merged(under, branches[branch][name])


def _check_name(path: Path, name: str, fields: Any, shipped: Collection[str]) -> None:
    thing = f"{path}, touchpoint {name}"
    if not NAME.fullmatch(name):
        cure = "write lower-case letters, digits and _, such as renewal_45d"
        raise GuanjiaError(thing, "has a name that commands cannot take", cure)
    if fields is False and name not in shipped:
        names = [shipped_name for shipped_name in shipped if shipped_name not in SHARED]
        raise GuanjiaError(thing, "is left out, but does not exist", did_you_mean(name, names))
    if fields is not False and not isinstance(fields, Mapping):
        raise GuanjiaError(thing, "is no table of fields", f"begin it with a line [{name}]")


def _check_overrides(path: Path, kind: str, found: Any, base: Fields) -> None:
    if not isinstance(found, Mapping):
        raise GuanjiaError(f"{path}, {kind}", "is no table", f"write [{kind}.PLACE.TOUCHPOINT]")
    for place, tables in found.items():
        thing = f"{path}, {kind} {place}"
        if not isinstance(tables, Mapping):
            raise GuanjiaError(thing, "is no table", f"write [{kind}.{place}.TOUCHPOINT]")
        if kind == "stage" and place not in STAGES:
            raise GuanjiaError(thing, "is not known", did_you_mean(place, STAGES))
        for name in tables:
            # Of one that is left out everywhere there is nothing to change, and no harm in it.
            if name not in base:
                cure = did_you_mean(name, base)
                raise GuanjiaError(f"{thing}, touchpoint {name}", "is not known", cure)


def _touchpoint(
    path: Path, name: str, where: Where, fields: Any, shared: Shared
) -> Touchpoint | None:
    if fields is False:
        return None
    said = [f"{kind} {one}" for kind, one in zip(("stage", "branch"), where, strict=True) if one]
    thing = ", ".join([str(path), *said, f"touchpoint {name}"])
    found = parse_fields(Touchpoint, fields, thing=thing, manual=MANUAL)
    if found.family != next((f for f, names in TOUCHPOINTS.items() if name in names), found.family):
        raise GuanjiaError(
            f"{thing}, field family", "is another", "leave a shipped family as it is"
        )
    if not any(name in names for names in TOUCHPOINTS.values()) and not name.startswith(
        found.family
    ):
        # Tags count contacts by the family that the name begins with.
        cure = f"call it {found.family}_{name}"
        raise GuanjiaError(thing, f"is of the family {found.family} by its field alone", cure)
    if found.trigger.condition:
        try:
            predicate(found.trigger.condition, every_tag())
        except GuanjiaError as fault:
            said_of = f"{fault.thing} {fault.fault}"
            field = f"{thing}, field trigger.condition"
            raise GuanjiaError(field, said_of, fault.cure) from fault
    known: dict[str, tuple[Collection[str], Collection[str]]] = {
        "trigger.events": (found.trigger.events, EVENTS),
        "models": (found.models, MODELS),
        "offers": (found.offers, shared.offers),
        "channels": (found.every_channel, shared.costs),
        "script": ({n for one in found.script.values() for n in one.variables}, shared.variables),
    }
    for field, (names, there) in known.items():
        _check_names(f"{thing}, field {field}", sorted(names), there)
    for offer in found.offers:
        if not shared.offers[offer].within_contract:
            cure = "take the offer out, or write it into the contract and name the clause"
            raise GuanjiaError(f"{thing}, field offers", f"promises {offer}: {ARTICLE}", cure)
    return found


def _check_shared(path: Path, shared: Shared, touchpoints: Collection[str]) -> None:
    for name, point in shared.decision_points.items():
        if point.touchpoints != "all":
            field = f"{path}, decision point {name}, field touchpoints"
            _check_names(field, point.touchpoints, touchpoints)
    for name, variable in shared.variables.items():
        if variable.tag:
            _check_names(f"{path}, variable {name}, field tag", [variable.tag], catalogue())


def _check_names(field: str, names: Collection[str], there: Collection[str]) -> None:
    for name in names:
        if name not in there:
            cure = did_you_mean(name, there)
            raise GuanjiaError(field, f"names {name}, which is not there", cure)
