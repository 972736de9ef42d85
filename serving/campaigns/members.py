"""Read the members of a campaign: rows of a released list, or of its file.

A list names its columns in Chinese, since a call centre reads it; so do the rows here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from serving.campaigns.plan import PlanFaultError

HEADINGS: Mapping[str, tuple[str, ...]] = {
    "customer_id": ("客户号", "客户编号"),
    "household": ("家庭标识", "手机号", "手机号码", "phone"),
    "place": ("名次", "排名", "序号", "rank"),
    "probability": ("续保概率", "续保", "renewal"),
    "margin": (
        "下一年度预期边际（元）",
        "预期边际贡献",
        "预期边际贡献（元）",
        "预计边际贡献（元）",
        "expected_margin",
    ),
    "star": ("星级", "star_level"),
    "segment": ("客户分群", "分群", "客群"),
    "branch": ("机构", "分支机构"),
}
"""Field of a member -> other names of its column."""
HALF_WIDTH = str.maketrans("（）", "()")
NUMBERS = ("place", "probability", "margin", "star")


@dataclass(frozen=True)
class Member:
    """A customer of a list, as of the draw.

    Parameters
    ----------
    household : str or None
        What customers of one household share, such as the phone number; it is hashed before it is
        kept.
    place : int or None
        Place on the list, from 1.
    probability : float or None
        Probability of renewal.
    margin : float or None
        Expected margin of the coming term, yuan.
    star : int or None
        Stars.
    segment, branch : str or None
        Segment and branch.
    """

    customer_id: str
    household: str | None = None
    place: int | None = None
    probability: float | None = None
    margin: float | None = None
    star: int | None = None
    segment: str | None = None
    branch: str | None = None

    @property
    def unit(self) -> str:
        """What is drawn: the household, or the customer alone."""
        return self.household or self.customer_id


def read_members(rows: Iterable[Mapping[str, Any]]) -> list[Member]:
    """Read members from rows with the columns of a list.

    Parameters
    ----------
    rows : iterable of mapping
        Columns as fields of `Member`, or with the headings of `HEADINGS`; others are ignored.

    Raises
    ------
    PlanFaultError
        If a row names no customer, one is named twice, or a number is none.
    """
    members: list[Member] = []
    seen: set[str] = set()
    for number, row in enumerate(rows, start=1):
        fields = {name: _field(row, name) for name in HEADINGS}
        customer = str(fields["customer_id"] or "")
        if not customer:
            raise PlanFaultError(
                f"row {number} of the list",
                "names no customer",
                "fill in the column 客户号",
                chinese=(f"名单第 {number} 行", "没有客户号", "请填上客户号"),
            )
        if customer in seen:
            raise PlanFaultError(
                f"row {number} of the list",
                f"names customer {customer}, whom another row names",
                "keep one row a customer",
                chinese=(
                    f"名单第 {number} 行",
                    f"客户 {customer} 与另一行重复",
                    "每位客户只留一行",
                ),
            )
        seen.add(customer)
        members.append(Member(**{**fields, "customer_id": customer}))
    return members


def _field(row: Mapping[str, Any], name: str) -> Any:
    # Lists that were sent out before have half-width brackets: 下一年度预期边际(元).
    before = (heading.translate(HALF_WIDTH) for heading in HEADINGS[name])
    value = next((row[key] for key in (name, *HEADINGS[name], *before) if key in row), None)
    if isinstance(value, str):
        value = value.strip().lstrip("'") or None
    if value is None or name not in NUMBERS:
        return value if value is None else str(value)
    try:
        number = float(str(value).replace(",", ""))
    except ValueError:
        number = float("nan")
    if not isfinite(number) or (name == "probability" and not 0 <= number <= 1):
        raise PlanFaultError(
            f"column {name} of the list",
            f"holds {value!r}, which is no {name}",
            "write a number, or nothing",
            chinese=(f"名单的“{HEADINGS[name][0]}”列", f"写的是“{value}”", "请写数字，或留空"),
        )
    return int(number) if name in ("place", "star") else number
