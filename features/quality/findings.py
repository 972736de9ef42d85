"""What breaks a bound or deserves a look, in one snapshot, each with the numbers that say so."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from features.quality.bounds import QualityBounds, TagBounds
from features.quality.statistics import Measured
from features.tags.declare import Tag

Status = Literal["broken", "watch"]

# Kind -> what is said, in English and in Chinese; the order is that of weight.
SENTENCES = {
    "customers": ("{before} customers became {now}", "客户数 {before} → {now}"),
    "quarantine": (
        "{now} of the rows are in quarantine, most because {detail}",
        "{now} 的行被隔离, 主要原因: {detail}",
    ),
    "tag_gone": (
        "{now} tags of the reference are gone: {detail}",
        "对照快照中的 {now} 个标签不再存在: {detail}",
    ),
    "not_finite": ("some values are no finite numbers", "有非有限数值"),
    "minimum": ("a value {now} is below {limit}", "最小值 {now} 低于 {limit}"),
    "maximum": ("a value {now} is above {limit}", "最大值 {now} 高于 {limit}"),
    "scale": ("the median size {before} became {now}", "数值量级 (中位数) {before} → {now}"),
    "category_gone": (
        "{before} had the value {detail}, none has now",
        "取值 {detail} 消失, 原占 {before}",
    ),
    "category_new": ("{now} have the new value {detail}", "新取值 {detail}, 占 {now}"),
    "null_share": ("{now} are null", "空值占 {now}"),
    "null_change": ("null {before} became {now}", "空值 {before} → {now}"),
    "drift": ("PSI {now}", "分布漂移 PSI {now}"),
    "tag_new": (
        "{now} tags are not in the reference: {detail}",
        "对照快照中没有的 {now} 个标签: {detail}",
    ),
}  # fmt: skip
KINDS = tuple(SENTENCES)
SHARES = ("quarantine", "category_gone", "category_new", "null_share", "null_change")
NAMED = 5


@dataclass(frozen=True)
class Finding:
    """One bound that is broken, or one change worth a look.

    Attributes
    ----------
    subject : str
        A tag, a raw table, "customers" or "tags".
    kind : str
        One of `KINDS`.
    status : {"broken", "watch"}
        Whether a declared bound is broken.
    now, before : float or None
        The number found, and the reference's where the two are compared.
    limit : float or None
        The bound, or what calls for a look.
    detail : str
        A text value, or a reason.
    """

    subject: str
    kind: str
    status: Status
    now: float | None = None
    before: float | None = None
    limit: float | None = None
    detail: str = ""

    @property
    def sentence(self) -> str:
        """What was found, in English, with the bound."""
        return self._said(0, " (bound {})")

    @property
    def chinese(self) -> str:
        """The same in Chinese."""
        return self._said(1, " (界限 {})")

    def _said(self, language: int, bound: str) -> str:
        shown = share if self.kind in SHARES else number
        limit = shown(self.limit)
        if self.kind == "scale":
            limit = f"×{limit}"
        elif self.kind == "customers":
            limit = share(self.limit)
        said = SENTENCES[self.kind][language].format(
            now=shown(self.now), before=shown(self.before), limit=limit, detail=self.detail
        )
        told = self.status == "watch" or self.limit is None or self.kind in ("minimum", "maximum")
        return said if told else said + bound.format(limit)

    @property
    def order(self) -> tuple[bool, int, float, str]:
        """What weighs most comes first: broken bounds, by kind, the greatest change."""
        size = abs((self.now or 0) - (self.before or 0))
        return self.status != "broken", KINDS.index(self.kind), -size, self.subject


def tag_findings(tag: Tag, found: Measured, bounds: TagBounds, days: int) -> list[Finding]:
    """What one tag breaks or has changed.

    Parameters
    ----------
    tag : Tag
        As declared.
    found : Measured
        Its statistics in the snapshot and in the reference.
    bounds : TagBounds
        What it must keep to.
    days : int
        Days between the two.
    """
    return [*_of_the_snapshot(tag.name, found, bounds), *_of_the_change(tag, found, bounds, days)]


def _of_the_snapshot(name: str, found: Measured, bounds: TagBounds) -> Iterator[Finding]:
    """Bounds that need no reference."""
    now = found.now
    if now.minimum is not None and now.maximum is not None:
        if not (math.isfinite(now.minimum) and math.isfinite(now.maximum)):
            yield Finding(name, "not_finite", "broken")
        if -math.inf < now.minimum < bounds.minimum:
            yield Finding(name, "minimum", "broken", now.minimum, limit=bounds.minimum)
        if bounds.maximum < now.maximum < math.inf:
            yield Finding(name, "maximum", "broken", now.maximum, limit=bounds.maximum)
    # A tag whose table is absent is null for everyone, whatever it declares; that it became so
    # is a change.
    if bounds.null_share_max < now.null_share and (now.nulls < now.rows or bounds.null_share_max):
        yield Finding(name, "null_share", "broken", now.null_share, limit=bounds.null_share_max)


def _of_the_change(tag: Tag, found: Measured, bounds: TagBounds, days: int) -> Iterator[Finding]:
    """Bounds against the reference."""
    now, before, drift = found.now, found.reference, found.drift
    if before is None or drift is None:
        return
    name = tag.name
    change = abs(now.null_share - before.null_share)
    limits = (bounds.null_share_change_warning, bounds.null_share_change_max)
    nulls = Finding(name, "null_change", "watch", now.null_share, before.null_share)
    yield from _beyond(change, limits, nulls)
    yield from _beyond(drift, bounds.drift_limits(days), Finding(name, "drift", "watch", drift))
    if now.scale and before.scale:
        factor = max(now.scale / before.scale, before.scale / now.scale)
        limits = (math.inf, bounds.scale_change_max)
        yield from _beyond(factor, limits, Finding(name, "scale", "watch", now.scale, before.scale))
    limits = (bounds.category_change_warning, bounds.category_change_max)
    # The first bin is null, the last all other values.
    counts = zip(now.counts[1:-1], before.counts[1:-1], strict=True)
    for category, (after, earlier) in zip(found.bins.categories, counts, strict=False):
        if bool(after) != bool(earlier):
            kind = "category_new" if after else "category_gone"
            share, was = after / now.rows, earlier / before.rows
            seen = Finding(name, kind, "watch", share, was, detail=category)
            yield from _beyond(share + was, limits, seen)


def _beyond(value: float, limits: tuple[float, float], seen: Finding) -> Iterator[Finding]:
    """What was seen, where `value` is above the bound, or above what calls for a look."""
    warning, bound = limits
    if value > bound:
        yield replace(seen, status="broken", limit=bound)
    elif value > warning:
        yield replace(seen, limit=warning)


def customer_findings(now: int, before: int, bounds: QualityBounds, days: int) -> list[Finding]:
    """Whether more customers came or went than may."""
    change = now / before - 1
    least, most = -bounds.snapshot.rows_lost_max, bounds.snapshot.gain_limit(days)
    if least <= change <= most:
        return []
    limit = least if change < least else most
    return [Finding("customers", "customers", "broken", now, before, limit)]


def come_and_gone(now: set[str], before: set[str]) -> list[Finding]:
    """Tags that only one of the two snapshots has: the catalogue has changed."""
    found = []
    for kind, names in (("tag_new", now - before), ("tag_gone", before - now)):
        if names:
            few = ", ".join(sorted(names)[:NAMED]) + (", ..." if len(names) > NAMED else "")
            found.append(Finding("tags", kind, "watch", len(names), detail=few))
    return found


def share(value: float | None) -> str:
    """A share as people read it.

    Examples
    --------
    >>> share(0.1234), share(0.00001), share(0.0), share(None)
    ('12.3%', '<0.1%', '0%', '-')
    """
    if value is None:
        return "-"
    if 0 < abs(value) < 0.0005:
        return "<0.1%"
    return f"{value:.0%}" if value in (0, 1) else f"{value:.1%}"


def number(value: float | None) -> str:
    """A value as people read it.

    Examples
    --------
    >>> number(1234567.0), number(0.12345), number(float("inf")), number(None)
    ('1,234,567', '0.123', '∞', '-')
    """
    if value is None:
        return "-"
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "-∞"
    if abs(value) >= 1000 or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:.3g}"
