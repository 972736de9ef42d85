"""Findings about one snapshot: a broken bound or a change to watch, each with its numbers."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from features.contracts.reasons import reason_of
from features.contracts.tables import CONTRACTS
from features.quality.bounds import QualityBounds, TagBounds
from features.quality.statistics import TagComparison
from features.tags.catalogue import catalogue
from features.tags.declare import Tag

Status = Literal["broken", "watch"]

# Kind -> sentence in English and in Chinese, the weightiest kind first.
SENTENCES = {
    "customers": ("{before} customers became {now}", "客户数 {before} → {now}"),
    "quarantine": (
        "{now} of the rows are in quarantine, most because {detail}",
        "{now} 的行被隔离，主要原因：{detail}",
    ),
    "tag_gone": (
        "{now} tags of the reference are gone: {detail}",
        "对照快照中的 {now} 个标签不再存在：{detail}",
    ),
    "not_finite": ("some values are no finite numbers", "有非有限数值"),
    "minimum": ("a value {now} is below {limit}", "最小值 {now} 低于 {limit}"),
    "maximum": ("a value {now} is above {limit}", "最大值 {now} 高于 {limit}"),
    "scale": ("the median size {before} became {now}", "数值量级（中位数）{before} → {now}"),
    "category_gone": (
        "{before} had the value {detail}, none has now",
        "取值 {detail} 消失，原占 {before}",
    ),
    "category_new": ("{now} have the new value {detail}", "新取值 {detail}，占 {now}"),
    "null_share": ("{now} are null", "空值占 {now}"),
    "null_change": ("null {before} became {now}", "空值 {before} → {now}"),
    "drift": ("PSI {now}", "分布漂移 PSI {now}"),
    "tag_new": (
        "{now} tags are not in the reference: {detail}",
        "对照快照中没有的 {now} 个标签：{detail}",
    ),
}  # fmt: skip
KINDS = tuple(SENTENCES)
SHARES = ("quarantine", "category_gone", "category_new", "null_share", "null_change")
SUBJECTS = {"customers": "客户数", "tags": "标签目录"}
"""Subjects that are neither a tag nor a raw table -> their Chinese names."""
NAMED = 5


@dataclass(frozen=True)
class Finding:
    """One bound that is broken, or one change to watch.

    Attributes
    ----------
    subject : str
        A tag, a raw table, "customers" or "tags".
    kind : str
        One of `KINDS`.
    status : {"broken", "watch"}
        Whether a declared bound is broken.
    now, before : float or None
        The number in the snapshot, and in the reference where the two are compared.
    limit : float or None
        The bound, or the warning above which a change is to be watched.
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
    def label(self) -> str:
        """The Chinese name of the subject."""
        known: Mapping[str, Any] = CONTRACTS | catalogue()
        if self.subject in known:
            return str(known[self.subject].label)
        return SUBJECTS.get(self.subject, self.subject)

    @property
    def sentence(self) -> str:
        """The finding in English, with the bound."""
        return self._sentence(0, " (bound {})", self.detail)

    @property
    def chinese(self) -> str:
        """The finding in Chinese, with the bound."""
        detail = self.detail
        if self.kind == "quarantine":
            detail = reason_of(self.subject, detail).chinese
        return self._sentence(1, "（界限 {}）", detail)

    def _sentence(self, language: int, bound: str, detail: str) -> str:
        shown = share if self.kind in SHARES else number
        limit = shown(self.limit)
        if self.kind == "scale":
            limit = f"×{limit}"
        elif self.kind == "customers":
            limit = share(self.limit)
        sentence = SENTENCES[self.kind][language].format(
            now=shown(self.now), before=shown(self.before), limit=limit, detail=detail
        )
        no_bound = self.status == "watch" or self.limit is None
        complete = no_bound or self.kind in ("minimum", "maximum")
        return sentence if complete else sentence + bound.format(limit)

    @property
    def order(self) -> tuple[bool, int, float, str]:
        """Sort key: broken bounds first, then by kind, then the greatest change."""
        size = abs((self.now or 0) - (self.before or 0))
        return self.status != "broken", KINDS.index(self.kind), -size, self.subject


def read_findings(report: Mapping[str, Any]) -> list[Finding]:
    """Read the findings of a report as `features.quality.files` writes it."""
    return [
        Finding(**{name: value for name, value in written.items() if name != "sentence"})
        for written in report["findings"]
    ]


def tag_findings(
    tag: Tag, comparison: TagComparison, bounds: TagBounds, days: int
) -> list[Finding]:
    """Report the bounds that one tag breaks and its changes to watch.

    Parameters
    ----------
    tag : Tag
        As declared.
    comparison : TagComparison
        Its statistics in the snapshot and in the reference.
    bounds : TagBounds
        The tag's bounds.
    days : int
        Days between the snapshot and the reference.
    """
    return [
        *_snapshot_findings(tag.name, comparison, bounds),
        *_change_findings(tag, comparison, bounds, days),
    ]


def _snapshot_findings(
    name: str, comparison: TagComparison, bounds: TagBounds
) -> Iterator[Finding]:
    """Check the bounds that need no reference."""
    now = comparison.now
    if now.minimum is not None and now.maximum is not None:
        if not (math.isfinite(now.minimum) and math.isfinite(now.maximum)):
            yield Finding(name, "not_finite", "broken")
        if -math.inf < now.minimum < bounds.minimum:
            yield Finding(name, "minimum", "broken", now.minimum, limit=bounds.minimum)
        if bounds.maximum < now.maximum < math.inf:
            yield Finding(name, "maximum", "broken", now.maximum, limit=bounds.maximum)
    # A tag whose table is absent is null for everyone, whatever it declares; when it becomes so,
    # the change is reported.
    if bounds.null_share_max < now.null_share and (now.nulls < now.rows or bounds.null_share_max):
        yield Finding(name, "null_share", "broken", now.null_share, limit=bounds.null_share_max)


def _change_findings(
    tag: Tag, comparison: TagComparison, bounds: TagBounds, days: int
) -> Iterator[Finding]:
    """Check the bounds of changes against the reference."""
    now, before, drift = comparison.now, comparison.reference, comparison.drift
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
    for category, (after, earlier) in zip(comparison.bins.categories, counts, strict=False):
        if bool(after) != bool(earlier):
            kind = "category_new" if after else "category_gone"
            share, was = after / now.rows, earlier / before.rows
            finding = Finding(name, kind, "watch", share, was, detail=category)
            yield from _beyond(share + was, limits, finding)


def _beyond(value: float, limits: tuple[float, float], finding: Finding) -> Iterator[Finding]:
    """Yield the finding where `value` is above `limits`, which are (warning, bound)."""
    warning, bound = limits
    if value > bound:
        yield replace(finding, status="broken", limit=bound)
    elif value > warning:
        yield replace(finding, limit=warning)


def customer_findings(now: int, before: int, bounds: QualityBounds, days: int) -> list[Finding]:
    """Report a number of customers that grew or fell by more than its bounds.

    Parameters
    ----------
    now, before : int
        Customers of the snapshot and of the reference; `before` is at least 1.
    bounds : QualityBounds
        All bounds.
    days : int
        Days between the snapshot and the reference.
    """
    change = now / before - 1
    least, most = -bounds.snapshot.rows_lost_max, bounds.snapshot.gain_limit(days)
    if least <= change <= most:
        return []
    limit = least if change < least else most
    return [Finding("customers", "customers", "broken", now, before, limit)]


def catalogue_findings(now: set[str], before: set[str]) -> list[Finding]:
    """Report tags that only one of the two snapshots has: the catalogue has changed."""
    findings = []
    for kind, names in (("tag_new", now - before), ("tag_gone", before - now)):
        if names:
            few = ", ".join(sorted(names)[:NAMED]) + (", ..." if len(names) > NAMED else "")
            findings.append(Finding("tags", kind, "watch", len(names), detail=few))
    return findings


def share(value: float | None) -> str:
    """Format a share as a percentage.

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
    """Format a number with separators of thousands, or three significant digits.

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
