"""Load the catalogue of touchpoints 触点: `touchpoints.toml` of this folder, with a home's changes.

A touchpoint is resolved in four layers, each over the one before: what is shipped, the home's file,
the customer's stage, and their branch. A table is merged field by field; anything else is replaced;
and `false` instead of a table leaves the touchpoint out.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, get_args

from features.declared import merged, overlay, parse_fields, read_toml
from features.errors import GuanjiaError, did_you_mean, unknown_name
from serving.touchpoints.catalogue_checks import check_shared, check_touchpoint
from serving.touchpoints.fields import Channel, Stage, Touchpoint
from serving.touchpoints.scripts import BilingualText, ScriptTemplate
from serving.touchpoints.shared_fields import DecisionPoint, Shared

SHIPPED = Path(__file__).with_name("touchpoints.toml")
SHARED = tuple(Shared.model_fields)
STAGES = get_args(Stage)
NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
MANUAL = "docs/touchpoints.md"

Fields = dict[str, Any]
StageBranch = tuple[str | None, str | None]
"""Stage and branch for which something is declared; None: for all others."""


@dataclass(frozen=True)
class Catalogue:
    """All touchpoints, resolved for every stage and branch, and what they share.

    Attributes
    ----------
    shared : Shared
        Costs, offers, variables, holidays, ...
    variants : dict of str to dict
        Name -> (stage, branch) -> the touchpoint there; None: it is left out there. (None, None) is
        the touchpoint of all stages and branches for which nothing else is declared.
    """

    shared: Shared
    variants: Mapping[str, Mapping[StageBranch, Touchpoint | None]]

    @property
    def names(self) -> list[str]:
        """All names, in the order of the file."""
        return list(self.variants)

    @property
    def every_variant(self) -> list[Touchpoint]:
        """Each touchpoint as it is declared somewhere."""
        every = (variant for variants in self.variants.values() for variant in variants.values())
        return [variant for variant in every if variant is not None]

    def find(
        self, name: str, branch: str | None = None, stage: str | None = None
    ) -> Touchpoint | None:
        """Find a touchpoint as it is declared for customers of a branch and stage.

        Parameters
        ----------
        name : str
            Name of the touchpoint.
        branch, stage : str, optional
            The customer's branch, and stage of the loop ("entry", ...); default: of all others.

        Returns
        -------
        Touchpoint or None
            None if the touchpoint is left out there.

        Raises
        ------
        UnknownNameError
            If there is no such touchpoint; it names similar ones.
        """
        if name not in self.variants:
            raise unknown_name("touchpoint", name, self.variants)
        variants = self.variants[name]
        stages, branches = ({key[place] for key in variants} for place in (0, 1))
        key = (stage if stage in stages else None, branch if branch in branches else None)
        return variants[key]

    def touchpoints_for(
        self, branch: str | None = None, stage: str | None = None
    ) -> dict[str, Touchpoint]:
        """Look up all touchpoints for customers of a branch and stage, by name."""
        touchpoints = {name: self.find(name, branch, stage) for name in self.variants}
        return {name: variant for name, variant in touchpoints.items() if variant is not None}

    def decision_point(self, name: str) -> DecisionPoint:
        """Find a decision point.

        Raises
        ------
        UnknownNameError
            If there is no such decision point; it names similar ones.
        """
        points = self.shared.decision_points
        if name not in points:
            raise unknown_name("decision point", name, points)
        return points[name]

    def candidates_at(
        self, decision_point: str, branch: str | None = None, stage: str | None = None
    ) -> dict[str, Touchpoint]:
        """Look up the touchpoints that are candidates at a decision point, by name.

        Parameters
        ----------
        decision_point : str
            Name of the decision point.
        branch, stage : str, optional
            As in `find`.

        Raises
        ------
        UnknownNameError
            If there is no such decision point.
        """
        names = self.decision_point(decision_point).touchpoints
        touchpoints = self.touchpoints_for(branch, stage)
        if names == "all":
            return touchpoints
        return {name: touchpoint for name, touchpoint in touchpoints.items() if name in names}

    def cost(
        self, touchpoint: Touchpoint, channel: Channel, decision_point: str | None = None
    ) -> Decimal:
        """Look up what a contact by a channel costs, yuan.

        Parameters
        ----------
        touchpoint : Touchpoint
            The touchpoint, which may have costs of its own.
        channel : Channel
            The channel.
        decision_point : str, optional
            Where the contact is made; its costs come first.
        """
        costs = {**self.shared.costs, **touchpoint.costs}
        if decision_point is not None:
            costs |= self.shared.decision_points[decision_point].costs
        return costs[channel]

    def scripts(
        self,
        touchpoint: Touchpoint,
        channel: Channel,
        decision_point: str | None = None,
        *,
        offer: bool = False,
    ) -> list[ScriptTemplate]:
        """Build the scripts of a channel, best first: opening, what to say, offer, opt-out.

        Parameters
        ----------
        touchpoint : Touchpoint
            The touchpoint.
        channel : Channel
            The channel; it has a script of its own or takes the default.
        decision_point : str, optional
            Where it is said: the place may have an opening of its own.
        offer : bool
            Whether the contact carries an offer, which the text names as `{offer}`.
        """
        shared = self.shared
        openings = shared.openings
        if decision_point is not None:
            openings = {**openings, **shared.decision_points[decision_point].openings}
        before = openings.get(channel)
        benefit = self._offer_script(touchpoint, channel) if offer else None
        closing = shared.opt_out.get(channel) if touchpoint.kind == "marketing" else None
        return [
            _joined(script, [part for part in (before, script, benefit, closing) if part])
            for script in touchpoint.scripts(channel)
        ]

    def _offer_script(self, touchpoint: Touchpoint, channel: Channel) -> ScriptTemplate:
        """Find what a message of the channel says of the offer it carries."""
        for scripts in (touchpoint.offer_script, self.shared.offer_script):
            script = scripts.get(channel) or scripts.get("default")
            if script is not None:
                return script
        raise AssertionError("[offer_script] has a default")


def load_touchpoints(home: Path) -> Catalogue:
    """Load the catalogue: what is shipped, with what `<home>/touchpoints.toml` changes.

    Raises
    ------
    GuanjiaError
        If a file is not TOML, or a field is unknown, missing, out of range or names something that
        does not exist; it names file, touchpoint and field.
    """
    own = home / "touchpoints.toml"
    return _catalogue(own, read_toml(own)) if own.exists() else shipped_touchpoints()


@cache
def shipped_touchpoints() -> Catalogue:
    """Load the catalogue that comes with Guanjia."""
    return _catalogue(SHIPPED, {})


def _catalogue(path: Path, own: Fields) -> Catalogue:
    shipped = read_toml(SHIPPED)
    stages, branches = (
        merged(shipped.get(kind, {}), own.get(kind, {})) for kind in ("stage", "branch")
    )
    changes = {name: own[name] for name in SHARED if name in own}
    shared_tables = overlay({name: shipped[name] for name in SHARED}, changes, str(path))
    remaining = {name: _without_left_out(table) for name, table in shared_tables.items()}
    shared = parse_fields(Shared, remaining, thing=str(path), manual=MANUAL)
    base: Fields = {}
    for name, fields in {**shipped, **own}.items():
        if name not in (*SHARED, "stage", "branch"):
            _check_name(path, name, fields, shipped)
            base[name] = fields if fields is False else merged(shipped.get(name, {}), fields)
    for kind, overrides in (("stage", stages), ("branch", branches)):
        _check_overrides(path, kind, overrides, base)
    variants = {}
    for name, fields in base.items():
        if fields is not False:
            layers = _resolved_fields(fields, name, stages, branches)
            variants[name] = {
                key: _touchpoint(path, name, key, changed, shared) for key, changed in layers
            }
    declared = {name: list(variants.get(name, {}).values()) for name in base}
    check_shared(str(path), shared, declared)
    return Catalogue(shared, variants)


def _joined(script: ScriptTemplate, parts: Sequence[BilingualText]) -> ScriptTemplate:
    """Build the script that says the parts one after the other."""
    texts = {
        "chinese": "".join(part.chinese for part in parts),
        "english": " ".join(part.english for part in parts),
    }
    return script.model_copy(update=texts)


def _without_left_out(table: Any) -> Any:
    """Remove single values that a home leaves out by `false` from a shared table."""
    if not isinstance(table, Mapping):
        return table
    return {name: value for name, value in table.items() if value is not False}


def _resolved_fields(
    base: Fields, name: str, stages: Fields, branches: Fields
) -> Iterator[tuple[StageBranch, Any]]:
    """Resolve the fields of a touchpoint in general, and for each stage and branch that differs."""
    for stage in (None, *(stage for stage in stages if name in stages[stage])):
        of_stage = base if stage is None else merged(base, stages[stage][name])
        yield (stage, None), of_stage
        for branch in (branch for branch in branches if name in branches[branch]):
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


def _check_overrides(path: Path, kind: str, overrides: Any, base: Fields) -> None:
    if not isinstance(overrides, Mapping):
        raise GuanjiaError(f"{path}, {kind}", "is no table", f"write [{kind}.PLACE.TOUCHPOINT]")
    for place, tables in overrides.items():
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
    path: Path, name: str, key: StageBranch, fields: Any, shared: Shared
) -> Touchpoint | None:
    """Parse a touchpoint and check it against what the catalogue shares."""
    if fields is False:
        return None
    kinds = zip(("stage", "branch"), key, strict=True)
    places = [f"{kind} {place}" for kind, place in kinds if place]
    thing = ", ".join([str(path), *places, f"touchpoint {name}"])
    touchpoint = parse_fields(Touchpoint, fields, thing=thing, manual=MANUAL)
    check_touchpoint(thing, name, touchpoint, shared)
    return touchpoint
