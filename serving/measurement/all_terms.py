"""Estimate what a campaign added to the renewals of all terms that expired while its arms held.

The claim of a campaign is about each member's first term: its plan and its looks are counted in
those. This figure stands beside it, with an interval as wide as the look's, and decides nothing
(docs/adr/0056).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from serving.measurement.campaign_rows import CampaignRows, Flags
from training.experiments.effects import Effect, Total, average_effect, total
from training.experiments.ratios import ratio_effect
from training.experiments.sample import Sample


@dataclass(frozen=True)
class AllTerms:
    """The effect of a campaign on all terms that expired while its arms held, and are ripe.

    Attributes
    ----------
    treated, control : int
        Terms of the two arms of the primary claim.
    effect : Effect
        Renewals a term: the ratio of the arms' totals, by person and household.
    premium, margin : Effect
        Yuan a member drawn; margin is net of cost, with the member's margin for each renewal.
    totals : Mapping[str, Total]
        Renewals, premium and margin of all members treated.
    """

    treated: int
    control: int
    effect: Effect
    premium: Effect
    margin: Effect
    totals: Mapping[str, Total]


def estimate_all_terms(
    rows: CampaignRows, sample: Sample, marked: Flags, factor: float
) -> AllTerms | None:
    """Estimate the effects on all terms of the members compared.

    Parameters
    ----------
    rows : CampaignRows
        The members of the campaign.
    sample : Sample
        The ripe members of the arms that are compared.
    marked : numpy.ndarray of bool
        Which of `rows` they are.
    factor : float
        Standard errors to either side, as the look has them.

    Returns
    -------
    AllTerms or None
        None where every person renewed alike, so that nothing is known of the noise.
    """
    terms, renewed = rows.all_ripe[marked], rows.all_renewed[marked]
    effect = ratio_effect(renewed.astype(float), terms.astype(float), sample)
    if not 0 < effect.deviation < np.inf:
        return None
    premium = average_effect(rows.all_premium[marked], sample).bounded(factor)
    margin = average_effect(rows.all_margin[marked], sample).bounded(factor)
    effect = effect.bounded(factor)
    members, of_treated = int(sample.treated.sum()), int(terms[sample.treated].sum())
    return AllTerms(
        treated=of_treated,
        control=int(terms.sum()) - of_treated,
        effect=effect,
        premium=premium,
        margin=margin,
        totals={
            "renewals": total(effect, of_treated),
            "premium": total(premium, members),
            "margin": total(margin, members),
        },
    )
