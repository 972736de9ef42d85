"""Compare the sizes of arms with what the draw stated: a mismatch stops every other figure.

Rows lost on one side, drawn twice or left out by what happened later are the commonest fault of
experiments, and no estimate survives them (Fabijan et al. 2019, "Diagnosing sample ratio mismatch
in online controlled experiments"). Each arm is compared with all others together by tea-tasting's
test, exact below 1,000 rows, and the arms are corrected for being several.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from features.errors import GuanjiaError
from training.experiments.corrections import holm

FALSE_ALARMS = 0.001
"""Share of true draws that raise the alarm."""


@dataclass(frozen=True)
class ArmRatio:
    """Size of an arm beside what was stated.

    Attributes
    ----------
    arm : str
        The arm.
    rows : int
        Rows it has.
    expected : float
        Rows it should have of all.
    p_value : float
        Of a difference as large under the stated share, corrected for the number of arms.
    """

    arm: str
    rows: int
    expected: float
    p_value: float


@dataclass(frozen=True)
class RatioCheck:
    """Sizes of all arms, and whether they contradict the draw."""

    arms: tuple[ArmRatio, ...]

    @property
    def mismatch(self) -> bool:
        """True if an arm has another size than one draw in a thousand would give."""
        return any(arm.p_value < FALSE_ALARMS for arm in self.arms)

    @property
    def fault(self) -> str | None:
        """The arm that differs most, in words; None without a mismatch."""
        worst = min(self.arms, key=lambda arm: arm.p_value)
        if worst.p_value >= FALSE_ALARMS:
            return None
        return f"arm {worst.arm} has {worst.rows:,} rows where {worst.expected:,.0f} are due"


def check_ratio(counts: Mapping[str, int], shares: Mapping[str, float]) -> RatioCheck:
    """Test the sizes of arms against the shares that the draw stated.

    Parameters
    ----------
    counts : mapping of str to int
        Rows by arm, of all drawn: the undelivered and the unripe too.
    shares : mapping of str to float
        Stated share by arm, above 0; they are scaled to sum to 1.

    Raises
    ------
    GuanjiaError
        If the arms of the two differ, are fewer than two, or a share is not above 0.
    """
    if set(counts) != set(shares) or len(counts) < 2:
        raise GuanjiaError(
            f"arms {', '.join(sorted(counts))}",
            f"are not the arms with a share ({', '.join(sorted(shares))}), or fewer than two",
            "state the share of every arm, silence too",
        )
    if min(shares.values()) <= 0 or min(counts.values()) < 0:
        raise GuanjiaError("shares of the arms", "are not all above 0", "leave out unused arms")
    total = sum(counts.values())
    if not total:
        raise GuanjiaError("arms", "have no rows", "measure after the draw")
    share_sum = sum(shares.values())
    p_values = {
        arm: _p_value(counts[arm], total - counts[arm], shares[arm] / (share_sum - shares[arm]))
        for arm in counts
    }
    # With two arms the two tests are one.
    corrected = p_values if len(counts) == 2 else holm(p_values)
    return RatioCheck(
        tuple(
            ArmRatio(arm, counts[arm], total * shares[arm] / share_sum, corrected[arm])
            for arm in counts
        )
    )


def _p_value(rows: int, others: int, ratio: float) -> float:
    # Not above: it takes half a second, and who only plans needs none of it.
    import tea_tasting as tt

    sizes: dict[object, tt.aggr.Aggregates] = {
        "others": tt.aggr.Aggregates(others),
        "arm": tt.aggr.Aggregates(rows),
    }
    return float(tt.SampleRatio(ratio).analyze(sizes, "others", "arm").pvalue)
