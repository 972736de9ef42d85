"""Declare what is reported of whether service pays."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from serving.measurement.acquisition import Acquisition
from training.experiments.observational import GroupOverlap

Method = Literal["lot", "observational", "none"]
Verdict = Literal["pays", "does_not_pay", "too_small"]
METHODS: Mapping[Method, str] = {
    "lot": "随机提醒",
    "observational": "观察性调整",
    "none": "无法估计",
}
VERDICTS: Mapping[Verdict, str] = {
    "pays": "划算",
    "does_not_pay": "不划算",
    "too_small": "样本不足",
}
BREAKDOWNS: Mapping[str, str] = {
    "all": "全部",
    "class": "服务类别",
    "star": "发放时星级",
    "branch": "机构",
}
WORTH_SHARE = 0.10
"""Worth of a renewal as a share of the commercial premium: as in the study of uplift, an
assumption."""
RELEVANT_YUAN = 10.0
"""Return per use, either way, that would be worth knowing."""


@dataclass(frozen=True)
class Estimate:
    """An effect of using a service, with its 95% interval.

    Attributes
    ----------
    value, low, high : float or None
        Per use; an end is None where the interval has none.
    gap : tuple of float or None
        Of a weak lot: the values between these are refuted, all others are not.
    p_value : float
        Of no effect.
    """

    value: float | None
    low: float | None
    high: float | None
    gap: tuple[float, float] | None
    p_value: float


@dataclass(frozen=True)
class LotFigures:
    """What the lot shows.

    Attributes
    ----------
    rows, reminded : int
        Terms and classes drawn, and those of them that were to be reminded.
    use_added : float
        Points of use that a reminder adds (0.1: ten).
    strength : float
        F of that; below 10 the lot is weak, and intervals are wide or without end.
    mismatch : str or None
        Where the arms have other sizes than stated: then nothing follows from the lot.
    renewal, yuan : Estimate
        Effect of use on renewal, and its return: renewals' worth less cost.
    needed_rows : int or None
        Rows of such a lot that would show a return of `RELEVANT_YUAN` four times in five.
    """

    rows: int
    reminded: int
    use_added: float
    strength: float
    mismatch: str | None
    renewal: Estimate
    yuan: Estimate
    needed_rows: int | None


@dataclass(frozen=True)
class ObservedFigures:
    """What comparing users with alike others shows; observational.

    Attributes
    ----------
    renewal, yuan : Estimate
        As of `LotFigures`, if all that moves both use and renewal is among what adjusts.
    overlap : GroupOverlap
        How comparable they are.
    """

    renewal: Estimate
    yuan: Estimate
    overlap: GroupOverlap


@dataclass(frozen=True)
class ServiceGroup:
    """Service in a class, star or branch, or everywhere.

    Attributes
    ----------
    breakdown, level : str
        A key of `BREAKDOWNS`, and the level.
    rows, users : int
        Terms with the class of services, and those whose customer used one.
    cost : float or None
        Mean cost of a use, yuan; None without use.
    raw_difference, raw_low, raw_high : float or None
        Renewal rate of users less that of others: no effect of the service.
    lot : LotFigures or None
        None where no lot was drawn, or too few rows were.
    observed : ObservedFigures or None
        None where users and others cannot be compared.
    method : {"lot", "observational", "none"}
        What the verdict follows.
    p_value : float or None
        Of no return, corrected for all levels of the breakdown (Holm).
    verdict : {"pays", "does_not_pay", "too_small"}
        Of the return in yuan.
    needed_rows : int or None
        Rows drawn by lot that would show a return of `RELEVANT_YUAN` a use four times in five.
    acquisition_saved, acquisition_low, acquisition_high : float or None
        Acquisition cost saved per use, yuan, and its interval: renewals gained times what a new
        customer costs more than a renewal; None where costs are not delivered, or without end.
    """

    breakdown: str
    level: str
    rows: int
    users: int
    cost: float | None
    raw_difference: float | None
    raw_low: float | None
    raw_high: float | None
    lot: LotFigures | None
    observed: ObservedFigures | None
    method: Method
    p_value: float | None
    verdict: Verdict
    needed_rows: int | None
    acquisition_saved: float | None
    acquisition_low: float | None
    acquisition_high: float | None


@dataclass(frozen=True)
class ServiceReport:
    """Whether service pays, by group.

    Attributes
    ----------
    as_of : date
        What was known by then.
    worth_share : float
        Worth of a renewal as a share of the commercial premium.
    acquisition : Acquisition or None
        What a new customer costs, and a renewal.
    uses_without_cost : int
        Uses whose cost is not delivered; they count as 0.
    groups : list of ServiceGroup
        First of all rows together, then by class, star at the start of the term, and branch.
    """

    as_of: date
    worth_share: float
    acquisition: Acquisition | None
    uses_without_cost: int
    groups: list[ServiceGroup]
