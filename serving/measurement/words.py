"""Say in English what a measurement proves; the Chinese is the verdict's own."""

from training.experiments.interim import LookResult
from training.experiments.verdict import Verdict


def english_verdict(
    verdict: Verdict, net: LookResult | None, ripe_share: float, due: float | None
) -> str:
    """Write a verdict as an English sentence.

    Parameters
    ----------
    verdict : Verdict
        What is proven.
    net : LookResult or None
        Net gain in yuan a member treated.
    ripe_share : float
        Share of the terms that are ripe.
    due : float or None
        Share at which the next look is due.
    """
    gain = ""
    if net is not None:
        low, high = net.effect.low, net.effect.high
        gain = f"net gain {net.effect.value:,.2f} yuan a member ({low:,.2f} to {high:,.2f})"
    told = {
        "harms": "Does harm: stop sending.",
        "mismatch": "The arms do not have the sizes of the lot: no figure can be used.",
        "pays": f"Pays: {gain}.",
        "does_not_pay": f"Does not pay: {gain}.",
        "too_small": f"Too small to say: {gain}; about {verdict.needed_units or 0:,} members are "
        "needed.",
    }
    if verdict.code in told:
        return told[verdict.code]
    if net is not None:
        return f"Too early: {gain}; look {net.number} of {net.planned}."
    when = "too few in an arm" if due is None else f"the next look is at {due:.0%}"
    return f"Too early: {ripe_share:.0%} of the terms are ripe, {when}."
