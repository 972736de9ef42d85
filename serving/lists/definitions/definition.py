"""Define what a target list asks for, whom it leaves out, in which order and how far it goes."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.declared import Declared, one_of, parse_fields, read_toml, refusal
from features.errors import GuanjiaError, suggestions, unknown_name
from serving.schemas import NO_NUL
from training.model_spec import ModelSpec, TargetList
from training.models import MODELS

EXPECTED_VALUE = "expected_value"
"""Yuan that the contact is expected to earn; a list can be ordered by it."""
EVERY_BRANCH = "*"
MANUAL = "docs/lists.md"
MOST_MEMBERS = 10_000_000
NAME = r"^[a-z][a-z0-9_]{0,63}$"
_TERM = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)(?:\s+(asc|desc))?\s*", re.IGNORECASE)
Name = Annotated[str, Field(pattern=NAME)]
Text = Annotated[str, Field(pattern=NO_NUL)]
Count = Annotated[int, Field(ge=0, le=MOST_MEMBERS)]


class ListDefinitionError(GuanjiaError):
    """A definition asks for what cannot be."""


class OrderTerm(NamedTuple):
    """A column by which a list is ordered, and whether its highest value comes first."""

    column: str
    descends: bool


LABELS: Mapping[str, str] = {
    "name": "名称",
    "label": "中文名称",
    "model": "模型",
    "where": "条件",
    "not_in_lists": "排除名单",
    "not_in_segments": "排除分群",
    "order": "排序",
    "size": "人数上限",
    "budget": "预算（元）",
    "capacity": "每日产能",
    "days": "执行天数",
    "least_value": "最低期望价值（元）",
    "channel": "触达方式",
    "touchpoint": "触点",
    "priority": "优先级",
    "effect": "原因方向",
    "columns": "附加字段",
}
"""Field of a definition -> its Chinese name."""


class ListDefinition(Declared):
    """A target list as declared or written by a marketer."""

    name: Name = Field(description="Name in commands and addresses.")
    label: str = Field(min_length=1, max_length=64, pattern=NO_NUL, description="Chinese name.")
    model: str = Field(pattern=NO_NUL, description="Model whose prediction the list is about.")
    where: str = Field(
        default="",
        max_length=2_000,
        pattern=NO_NUL,
        description="Condition over tags, scores and segments.",
    )
    not_in_lists: tuple[Name, ...] = Field(
        default=(), description="Lists whose members are left out."
    )
    not_in_segments: tuple[Text, ...] = Field(
        default=(), description="Segments whose customers are left out."
    )
    order: str = Field(
        default="",
        max_length=200,
        pattern=NO_NUL,
        description="Columns with asc or desc, or `expected_value desc`; default: by the model.",
    )
    size: Annotated[int, Field(ge=1, le=MOST_MEMBERS)] | None = Field(
        default=None, description="At most so many customers."
    )
    budget: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="Yuan that the contacts may cost together."
    )
    capacity: dict[str, Count] = Field(
        default={}, description="Contacts a day by branch; * is any branch that is not named."
    )
    days: int = Field(default=1, ge=1, le=366, description="Days on which the list is worked.")
    least_value: float | None = Field(
        default=None, description="Yuan that a contact must be expected to earn."
    )
    channel: Annotated[Text, one_of(CONTACT_CHANNELS)] = Field(
        default="phone", description="How the customers are contacted."
    )
    touchpoint: Text | None = Field(
        default=None, description="Touchpoint whose script, cost and worth it has; default: none."
    )
    priority: int = Field(
        default=50,
        ge=0,
        le=100,
        description="Campaigns planned with at least this go first.",
    )
    effect: Literal["raises", "lowers"] | None = Field(
        default=None, description="Direction of the reasons shown; default: by the model."
    )
    columns: tuple[Text, ...] = Field(default=(), description="Further tags that the file shows.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.model not in MODELS:
            unknown = unknown_name("model", self.model, MODELS)
            alike = suggestions(self.model, MODELS)[1]
            raise refusal(str(unknown), f"模型 {self.model} 不存在，{alike}")
        if self.name in self.not_in_lists:
            raise refusal(
                f"list {self.name} cannot leave out its own members",
                f"名单 {self.name} 不能排除自己的客户",
            )
        if self.days != 1 and not self.capacity:
            raise refusal(
                "days are for a capacity: say how many contacts a day",
                "写了天数，却没有写每天能联系多少位",
            )
        parse_order(self.order)
        return self

    @property
    def spec(self) -> ModelSpec:
        """The model as declared."""
        return MODELS[self.model]

    @property
    def terms(self) -> list[OrderTerm]:
        """Columns by which the list is ordered; customers who tie stand by number."""
        return parse_order(self.order) or [
            OrderTerm(self.model, descends=self.direction == "raises"),
            OrderTerm("customer_value", descends=True),
        ]

    @property
    def by_value(self) -> bool:
        """Whether the list is ordered by expected value."""
        return self.terms[0].column == EXPECTED_VALUE

    @property
    def direction(self) -> Literal["raises", "lowers"]:
        """Direction of the reasons shown: what makes the outcome likely that is worked on."""
        purpose = self.spec.purpose
        if self.effect is not None or purpose is None:
            return self.effect or "raises"
        return "raises" if purpose.outcome_label else "lowers"

    def document(self) -> dict[str, Any]:
        """Return the definition as the records keep it."""
        return self.model_dump(mode="json")

    @property
    def hash(self) -> str:
        """Hash of everything that the definition says."""
        text = json.dumps(self.document(), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def parse_order(order: str) -> list[OrderTerm]:
    """Parse the order of a list.

    Raises
    ------
    GuanjiaError
        If it is anything but names of columns, each with asc or desc, or `expected_value` is not
        its only column, from the highest on.

    Examples
    --------
    >>> parse_order("renewal asc, customer_value desc")[0]
    OrderTerm(column='renewal', descends=False)
    """
    cure = "write columns with asc or desc, such as `renewal asc, customer_value desc`"
    terms = []
    for part in order.split(",") if order.strip() else []:
        match = _TERM.fullmatch(part)
        if match is None:
            chinese = f"排序“{order}”", "读不懂", "请写成“标签 asc”或“标签 desc”，多个用逗号分开"
            raise ListDefinitionError(f"order {order!r}", "cannot be read", cure, chinese=chinese)
        column, direction = match[1].lower(), (match[2] or "asc").lower()
        terms.append(OrderTerm(column, descends=direction == "desc"))
    if any(term.column == EXPECTED_VALUE for term in terms) and terms != [
        OrderTerm(EXPECTED_VALUE, descends=True)
    ]:
        raise ListDefinitionError(
            f"order {order!r}",
            "mixes expected value with others",
            f"write {EXPECTED_VALUE} desc",
            chinese=(
                f"排序“{order}”",
                "把期望价值和别的标签混在一起",
                f"请只写 {EXPECTED_VALUE} desc",
            ),
        )
    return terms


def parse_definition(fields: Mapping[str, Any], thing: str = "list") -> ListDefinition:
    """Parse a definition from the fields of a file or a request.

    Parameters
    ----------
    fields : mapping of str to object
        Fields of `ListDefinition`.
    thing : str
        Name for the error: the file.

    Raises
    ------
    GuanjiaError
        If a field is unknown, missing or out of range; the error names it.
    """
    return parse_fields(ListDefinition, fields, thing=thing, manual=MANUAL, labels=LABELS)


def load_definition(path: Path) -> ListDefinition:
    """Read a definition from a TOML or JSON file.

    Raises
    ------
    GuanjiaError
        If the file is not there, is neither, or does not define a list.
    """
    if not path.is_file():
        cure = "name a TOML or JSON file with the definition of a list (docs/lists.md)"
        raise GuanjiaError(f"file {path}", "is not there", cure)
    if path.suffix.lower() != ".json":
        return parse_definition(read_toml(path), str(path))
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise GuanjiaError(f"file {path}", f"is no JSON: {error}", "mend the file") from None
    return parse_definition(fields, str(path))


def define_declared(model: str, target: TargetList, **changes: Any) -> ListDefinition:
    """Define the list that is declared with a model.

    Parameters
    ----------
    model : str
        Name of the model.
    target : TargetList
        The list as declared.
    **changes
        Fields of `ListDefinition` that differ.
    """
    fields = {
        "name": target.name,
        "label": target.label,
        "model": model,
        "where": target.where,
        "order": target.order,
        "effect": target.effect,
        "columns": target.columns,
    }
    return parse_definition(fields | changes, f"list {target.name}")


def declared_definitions() -> dict[str, ListDefinition]:
    """Define every declared list, by name."""
    return {
        target.name: define_declared(model, target)
        for model, spec in MODELS.items()
        for target in spec.lists
    }


def branch_capacity(definition: ListDefinition, branch: str | None) -> int | None:
    """Return the contacts that a branch can make on all days of the list; None: no bound."""
    daily = definition.capacity.get(branch or "", definition.capacity.get(EVERY_BRANCH))
    return None if daily is None else daily * definition.days
