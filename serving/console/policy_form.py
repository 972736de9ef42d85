"""Read the form of a change of the policy: what differs from the rules as they are.

A field's name says what it edits: `policy.motor_premium`, `weight.renewal_30d`, `cap.wecom_day`,
`cooling.refused_days`, `capacity.phone` of every branch, `capacity.phone.B01` of one.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.declared import parse_fields
from features.errors import GuanjiaError
from features.imports.mapping_text import toml_key, toml_value
from serving.decision.capacity.settings import Capacity
from serving.decision.worth.policy import Policy
from serving.lists.definitions.definition import ListDefinitionError
from serving.measurement.simulation.edited_rules import EditedRules
from serving.records.contacts.contact_caps import ContactCaps

MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
NEW_WEIGHTS = ("new_1", "new_2")
"""Rows of the form for touchpoints that have no weight yet."""
EVERY_BRANCH = "every branch"


LABELS = {
    "exploration_share": ("探索比例", "share drawn by lot"),
    "holdout_share": ("对照组比例", "holdout share"),
    "holdout_cycle": ("对照组周期", "holdout cycle"),
    "fatigue_per_recent_contact": (
        "每次近期触达的疲劳成本（元）",
        "fatigue a recent contact, yuan",
    ),
    "fatigue_per_unanswered_contact": ("每次未响应的疲劳成本（元）", "fatigue an unanswered one"),
    "unanswered_counted": ("最多计入的未响应次数", "unanswered contacts counted"),
    "motor_margin_share": ("车险边际占保费", "motor margin, share of premium"),
    "saved_acquisition_share": ("节省的获客费用占保费", "acquisition saved, share of premium"),
    "compulsory_worth_share": ("仅交强险续保价值占保费", "worth of compulsory cover alone"),
    "motor_premium": ("脱保客户回归的年保费（元）", "premium of who comes back, yuan"),
    "non_motor_margin_share": ("非车边际占保费", "non-motor margin, share of premium"),
    "weight_cap": ("业务权重上限", "largest weight"),
}
"""Field of the policy -> its name in two languages, in the order of the page."""
PARTS: Mapping[str, str] = {
    "weight": "业务权重",
    "cap": "触达上限",
    "cooling": "冷静期",
    "capacity": "每日产能",
}
"""Part of the rules, as a field of the form begins with it -> its Chinese name."""


class RuleFormError(ListDefinitionError):
    """A form asks for a rule that cannot be."""


@dataclass(frozen=True)
class Rules:
    """The rules as they are."""

    policy: Policy
    caps: ContactCaps
    capacity: Capacity


@dataclass(frozen=True)
class Change:
    """What somebody would change, and the month that is decided again.

    Attributes
    ----------
    month : date
        A day of the month.
    policy, weights, caps, cooling : dict
        Field, touchpoint, rule or field -> its new number.
    capacity : dict
        "every branch" or branch -> channel -> contacts a day; False: no bound.
    """

    month: date
    policy: dict[str, float] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    caps: dict[str, int] = field(default_factory=dict)
    cooling: dict[str, int] = field(default_factory=dict)
    capacity: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def from_question(cls, question: Mapping[str, Any], month: date) -> "Change":
        """Restore a change from what `document` wrote; without any, of a month."""
        stated = question.get("month")
        parts = {name: value for name, value in question.items() if name != "month"}
        return cls(date.fromisoformat(stated) if stated else month, **parts)

    def document(self) -> dict[str, Any]:
        """Write the change as JSON has it."""
        return {**vars(self), "month": str(self.month)}


def read_change(fields: Mapping[str, str], rules: Rules, editable: Collection[str]) -> Change:
    """Read what the fields of the form change.

    Parameters
    ----------
    fields : Mapping
        The form.
    rules : Rules
        The rules as they are: a field that says the same changes nothing.
    editable : collection of str
        Fields of the policy that the form has.

    Raises
    ------
    RuleFormError
        If a field is no number, or there is no month.
    """
    month = fields.get("month", "")
    if not MONTH.fullmatch(month) or month < "1900":
        chinese = "月份", "写法不对", "请选一个月份"
        raise RuleFormError("month", "is not written 2026-07", "choose a month", chinese=chinese)
    shown = rules.policy.model_dump()
    weights = {
        **{name: _number(fields, f"weight.{name}", rules.policy.weights[name])
           for name in rules.policy.weights},
        **{fields[f"touchpoint.{row}"]: _number(fields, f"weight.{row}", None)
           for row in NEW_WEIGHTS if fields.get(f"touchpoint.{row}")},
    }  # fmt: skip
    caps = {
        name: _integer(fields, f"cap.{name}", rule.most) for name, rule in rules.caps.rules.items()
    }
    days = rules.caps.cooling_off
    return Change(
        date.fromisoformat(f"{month}-01"),
        policy={
            name: value
            for name in editable
            if (value := _number(fields, f"policy.{name}", shown[name])) is not None
        },
        weights={name: value for name, value in weights.items() if value is not None},
        caps={name: value for name, value in caps.items() if value is not None},
        cooling={
            name: value
            for name in ("refused_days", "opted_out_days")
            if (value := _integer(fields, f"cooling.{name}", getattr(days, name))) is not None
        },
        capacity=_capacity(fields, rules.capacity),
    )


def edited_rules(change: Change, rules: Rules, touchpoints: Collection[str]) -> EditedRules:
    """Make the rules of a change; a file that it does not touch is left out.

    Parameters
    ----------
    change : Change
        The change.
    rules : Rules
        The rules as they are.
    touchpoints : collection of str
        Names of touchpoints that may have a weight.

    Raises
    ------
    RuleFormError
        If a number is out of its range, or a touchpoint is not known.
    """
    unknown = sorted(change.weights.keys() - set(touchpoints))
    if unknown:
        chinese = f"触点 {unknown[0]}", "不存在", "请从列表里选"
        raise RuleFormError(
            f"touchpoint {unknown[0]}", "is not known", "choose one of the list", chinese=chinese
        )
    policy, caps, capacity = (
        part.model_dump() for part in (rules.policy, rules.caps, rules.capacity)
    )
    policy |= {**change.policy, "weights": {**policy["weights"], **change.weights}}
    for name, most in change.caps.items():
        caps["rules"][name]["most"] = most
    caps["cooling_off"] |= change.cooling
    for branch, limits in change.capacity.items():
        place = capacity["every_branch"] if branch == EVERY_BRANCH else capacity["branches"][branch]
        place |= limits
    try:
        return EditedRules(
            policy=parse_fields(Policy, policy, thing="policy.toml", manual="docs/decisions.md")
            if change.policy or change.weights
            else None,
            caps=parse_fields(
                ContactCaps, caps, thing="contact_caps.toml", manual="docs/records.md"
            )
            if change.caps or change.cooling
            else None,
            capacity=parse_fields(
                Capacity, capacity, thing="capacity.toml", manual="docs/decisions.md"
            )
            if change.capacity
            else None,
        )
    except GuanjiaError as error:
        raise RuleFormError.of(error) from error


def toml_lines(change: Change) -> dict[str, str]:
    """Write a change as whoever keeps the files adds it to them: file -> lines."""
    capacity = {
        ("every_branch" if branch == EVERY_BRANCH else f"branches.{toml_key(branch)}"): limits
        for branch, limits in change.capacity.items()
    }
    files: dict[str, Mapping[str, Mapping[str, Any]]] = {
        "policy.toml": {"": change.policy, "weights": change.weights},
        "contact_caps.toml": {
            **{f"rules.{name}": {"most": most} for name, most in change.caps.items()},
            "cooling_off": change.cooling,
        },
        "capacity.toml": capacity,
    }
    written = {name: "\n".join(_tables(tables)) for name, tables in files.items()}
    return {name: text for name, text in written.items() if text}


def _tables(tables: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for heading, values in tables.items():
        if values and heading:
            yield f"[{heading}]"
        for name, value in values.items():
            yield f"{toml_key(name)} = {toml_value(value)}"


def _capacity(fields: Mapping[str, str], capacity: Capacity) -> dict[str, dict[str, Any]]:
    changed: dict[str, dict[str, Any]] = {}
    for branch, limits in {EVERY_BRANCH: capacity.every_branch, **capacity.branches}.items():
        for channel in CONTACT_CHANNELS:
            name = f"capacity.{channel}" + ("" if branch == EVERY_BRANCH else f".{branch}")
            if name not in fields:
                continue
            now = limits.get(channel, False)
            text = fields[name].strip()
            # An empty field of a branch of its own means: as in every branch, which is no change.
            most = _integer(fields, name, None) if text else False
            if most != now and (text or branch == EVERY_BRANCH or channel in limits):
                changed.setdefault(branch, {})[channel] = most
    return changed


def _number(fields: Mapping[str, str], name: str, now: float | None) -> float | None:
    """Read a number that differs from now; None: it does not, or is not there."""
    text = fields.get(name, "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        chinese = _label(name), f"“{text}”不是数字", "请写成 1.5 这样"
        raise RuleFormError(name, "is not a number", "write it as 1.5", chinese=chinese) from None
    if not -1e12 < value < 1e12:
        chinese = _label(name), f"“{text}”太大或太小", "请写成 1.5 这样"
        fault = "is not a number of this world"
        raise RuleFormError(name, fault, "write it as 1.5", chinese=chinese)
    if now is not None and value == float(now):
        return None
    return int(value) if value.is_integer() and isinstance(now, int) else value


def _integer(fields: Mapping[str, str], name: str, now: int | None) -> int | None:
    """Read a whole number that differs from now; None: it does not, or is not there."""
    value = _number(fields, name, now)
    if value is not None and value != int(value):
        chinese = _label(name), f"{value} 不是整数", "请写成 2 这样"
        raise RuleFormError(name, "is not a whole number", "write it as 2", chinese=chinese)
    return None if value is None else int(value)


def _label(name: str) -> str:
    """Name a field of the form in Chinese."""
    part, _, rest = name.partition(".")
    title = LABELS[rest][0] if rest in LABELS else f"{PARTS.get(part, part)} {rest}"
    return f"“{title.strip()}”一项"
