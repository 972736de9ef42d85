"""Read a result at a look: by the planned bound, or past the plan by the always-valid interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.special import ndtr, stdtrit

from training.experiments.always_valid import always_valid_interval
from training.experiments.effects import Effect
from training.experiments.looks import LookPlan, bounds, past_plan

Kind = Literal["planned", "always_valid"]


@dataclass(frozen=True)
class LookResult:
    """What a look shows.

    Attributes
    ----------
    number, planned : int
        Which look it is, and how many were planned.
    fraction : float
        Information gathered over that planned for maturity.
    kind : {"planned", "always_valid"}
        Where the interval comes from; a look past the plan has the always-valid one.
    factor : float
        Half the interval in standard errors; 1.96 is that of an interval looked at once.
    effect : Effect
        The effect with that interval.
    last : bool
        True if the plan ends with this look, or ended before it.
    """

    number: int
    planned: int
    fraction: float
    kind: Kind
    factor: float
    effect: Effect
    last: bool

    @property
    def gains(self) -> bool:
        """True if the whole interval lies above 0."""
        return self.effect.low > 0

    @property
    def loses(self) -> bool:
        """True if the whole interval lies below 0."""
        return self.effect.high < 0


def information_fraction(deviation: float, planned_deviation: float) -> float:
    """Calculate the information gathered over that planned for maturity.

    Parameters
    ----------
    deviation, planned_deviation : float
        Standard error now, and expected at maturity when the campaign was launched.
    """
    return (planned_deviation / deviation) ** 2


def result_at_look(
    effect: Effect, plan: LookPlan, earlier: Sequence[float], planned_deviation: float
) -> LookResult:
    """Give an effect the interval of its look.

    Parameters
    ----------
    effect : Effect
        As estimated from all outcomes ripe by now.
    plan : LookPlan
        Looks agreed on at launch.
    earlier : sequence of float
        Information fractions of the looks made before, as they were recorded.
    planned_deviation : float
        Standard error expected at maturity, fixed at launch.

    Raises
    ------
    GuanjiaError
        If the information does not exceed that of the look before.
    """
    fraction = information_fraction(effect.deviation, planned_deviation)
    fractions = [*earlier, fraction]
    number = len(fractions)
    if past_plan(plan, fractions):
        low, _ = always_valid_interval(
            effect.value, effect.deviation, planned_deviation, plan.error
        )
        factor, kind = (effect.value - low) / effect.deviation, "always_valid"
    else:
        # The same tail, of Student's t: early looks rest on few outcomes.
        tail = ndtr(-bounds(plan, fractions)[-1])
        factor, kind = -float(stdtrit(effect.freedom, tail)), "planned"
    return LookResult(
        number=number,
        planned=plan.looks,
        fraction=fraction,
        kind=kind,  # type: ignore[arg-type]
        factor=factor,
        effect=effect.bounded(factor),
        last=number >= plan.looks or fraction >= 1,
    )
