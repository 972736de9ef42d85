"""Sensitivity tags: how much price 价格敏感性 and service 服务敏感性 move a customer.

A sensitivity is a latent trait z, normally distributed in the population with mean 0 and standard
deviation 1. Observed are counts n with mean m exp(b z), and renewals with log-odds
a + s exp(c z) x at a relative price change x. The score is one Fisher step from z = 0 to the most
likely z,

    sum of b (n - m) + c s x (renewed - p)
    ---------------------------------------
    1 + sum of b^2 m + (c s x)^2 p (1 - p)

which is zero on average and shrinks to zero where little is known. For counts alone it is the
credibility estimate of Bühlmann and Straub (1970), in which 1 / b^2 expected events give a
credibility of one half; for both, the mode of a generalised linear mixed model (Breslow and Clayton
1993) after one step. The constants of the population are declared, so that a customer's score
depends on their own acts and not on those of others; `benchmarks.traits.estimate` measures the
constants again (`docs/sensitivity.md`).
"""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from features.tags.groups.behaviour import GROUP, INCREASE

tag = GROUP.tag

NO_OFFER = "no renewal quote that reached the customer has been decided"
NO_SERVICE = "no entitlement was used, or open for 30 days, or entitlements are absent"
# A single renewal without a further quote stays within this band around 0.
BAND = 0.3
LARGEST_CHANGE = 0.5
# Mean share of a year that has passed in a year begun less than 30, 90, 180 or 365 days ago.
ELAPSED = (0.04, 0.16, 0.37, 0.75)
OBSERVED_DAYS = 30
SCALE = 10**6


@dataclass(frozen=True)
class Population:
    """Constants of the population, measured on the simulated insurer.

    An insurer replaces them by those of their own data.

    Attributes
    ----------
    asked_steady, asked_rise : float
        Further quotes for a renewal whose first was dearer by at most, or more than, 5%.
    asked_spread : float
        b of further quotes.
    renewal_log_odds, price_slope : float
        a and s: log-odds of renewing at the same premium, and their change with the change x.
    slope_spread : float
        c, an assumption: a customer with z = 1 responds exp(2 c) times as much as with z = -1.
    used_a, used_b, used_c : float
        Share of the entitlements of a class that are used before they expire.
    used_by : tuple of float
        The part of those uses that has happened less than 30, 90, 180 and 365 days from the grant.
    used_spread : float
        b of services used.
    enquiries : float
        Inbound contacts per vehicle and year of compulsory cover.
    enquiries_spread : float
        b of inbound contacts.
    """

    asked_steady: float = 0.42
    asked_rise: float = 0.62
    asked_spread: float = 0.55
    renewal_log_odds: float = 1.24
    price_slope: float = -1.38
    slope_spread: float = 0.35
    used_a: float = 0.094
    used_b: float = 0.230
    used_c: float = 0.012
    used_by: tuple[float, float, float, float] = (0.04, 0.19, 0.45, 0.87)
    used_spread: float = 0.72
    enquiries: float = 0.14
    enquiries_spread: float = 0.32


USUAL = Population()


@tag("价格敏感性观测数", unit="renewals", relation="renewal_offers", type="int64", empty=0,
     null="quotes are absent")  # fmt: skip
def price_sensitivity_observations(t: ir.Table) -> ir.Value:
    """Number of commercial terms that ran out 30 days ago or more and for whose renewal a quote had
    reached the customer: what price_sensitivity_score is read from."""
    return t.count()


@tag("追加续保报价次数", unit="quotes", relation="renewal_offers", type="int64", empty=0,
     null="quotes are absent")  # fmt: skip
def further_quotes_asked(t: ir.Table) -> ir.Value:
    """Number of quotes made after the first for the renewals that price_sensitivity_observations
    counts."""
    return t.further_quotes.sum()


@tag("价格敏感性评分", unit="score", relation="renewal_offers", null=NO_OFFER)
def price_sensitivity_score(t: ir.Table) -> ir.Value:
    """How much price moves the customer, 0 as usual, positive more, from further quotes asked for
    before renewals and from renewing or not at the change offered (docs/sensitivity.md)."""
    usual = USUAL
    offered, paid = t.offered.cast("float64"), t.premium.cast("float64")
    # If a premium is not known, the price says nothing, but the quotes asked for still count.
    change = (paid > 0).ifelse(offered / paid - 1, 0.0).fill_null(0.0)
    change = change.clip(-LARGEST_CHANGE, LARGEST_CHANGE)
    expected = (change > INCREASE - 1).ifelse(usual.asked_rise, usual.asked_steady)
    lever = usual.slope_spread * usual.price_slope * change
    chance = 1 / (1 + (-(usual.renewal_log_odds + usual.price_slope * change)).exp())
    quote_score = usual.asked_spread * (t.further_quotes - expected)
    renewal_score = lever * (t.renewed.cast("int64") - chance)
    information = usual.asked_spread**2 * expected + lever**2 * chance * (1 - chance)
    return _exact_sum(quote_score + renewal_score) / (1 + _exact_sum(information))


@tag("价格敏感性", unit="band", null=NO_OFFER, type="string")
def price_sensitivity(t: ir.Table) -> ir.Value:
    """low 低 (price_sensitivity_score -0.3 or less), medium 中, or high 高 (0.3 or more)."""
    return _band(t.price_sensitivity_score)


@tag("服务敏感性观测数", unit="services", relation="entitlements", type="int64", empty=0,
     null="entitlements are absent")  # fmt: skip
def service_sensitivity_observations(t: ir.Table) -> ir.Value:
    """Number of entitlements used or granted 30 days ago or more: what service_sensitivity_score is
    read from, beside inbound contacts."""
    return t.count(where=t.used_at.notnull() | (t.days_ago >= OBSERVED_DAYS))


@tag("累计使用服务次数", unit="services", relation="entitlements", type="int64", empty=0,
     null="entitlements are absent")  # fmt: skip
def services_used_ever(t: ir.Table) -> ir.Value:
    """Number of entitlements ever used."""
    return t.count(where=t.used_at.notnull())


@tag("预期使用服务次数", unit="services", relation="entitlements", empty=0,
     null="entitlements are absent")  # fmt: skip
def services_expected_ever(t: ir.Table) -> ir.Value:
    """Number of uses that would be usual for the entitlements granted, by their class and how long
    they have been open: less than 30, 90, 180 days, longer, or expired."""
    rates = (("A", USUAL.used_a), ("B", USUAL.used_b), ("C", USUAL.used_c))
    usual = ibis.cases(*((t.service_class == name, rate) for name, rate in rates))
    return _exact_sum(usual * _passed(USUAL.used_by, t.days_ago, t.expires_on <= t.as_of))


@tag("累计主动联系次数", unit="contacts", relation="interactions", type="int64", empty=0,
     null="interactions are absent")  # fmt: skip
def enquiries_ever(t: ir.Table) -> ir.Value:
    """Number of times the customer ever contacted us."""
    return t.count(where=~t.outbound)


@tag("预期主动联系次数", unit="contacts", relation="motor_terms", empty=0)
def enquiries_expected_ever(t: ir.Table) -> ir.Value:
    """Number of inbound contacts that would be usual for the compulsory terms begun, by how long
    they have run: less than 30, 90, 180 days, longer, or to their end."""
    begun = (~t.commercial & t.started).ifelse(USUAL.enquiries, 0.0)
    return _exact_sum(begun * _passed(ELAPSED, t.started_days_ago, t.cover_end <= t.as_of))


@tag("服务敏感性评分", unit="score", null=NO_SERVICE)
def service_sensitivity_score(t: ir.Table) -> ir.Value:
    """How much service moves the customer, 0 as usual, positive more, from services_used_ever and
    enquiries_ever against what would be usual (docs/sensitivity.md)."""
    uses, asks = USUAL.used_spread, USUAL.enquiries_spread
    # Without the table of contacts, their number is unknown, not 0: leave them out.
    contacts = t.enquiries_ever.isnull().ifelse(0.0, t.enquiries_expected_ever)
    gain = uses * (t.services_used_ever - t.services_expected_ever)
    gain += asks * (t.enquiries_ever.fill_null(0) - contacts)
    score = gain / (1 + uses**2 * t.services_expected_ever + asks**2 * contacts)
    return (t.service_sensitivity_observations > 0).ifelse(score, ibis.null("float64"))


@tag("服务敏感性", unit="band", null=NO_SERVICE, type="string")
def service_sensitivity(t: ir.Table) -> ir.Value:
    """low 低 (service_sensitivity_score -0.3 or less), medium 中, or high 高 (0.3 or more)."""
    return _band(t.service_sensitivity_score)


def _passed(shares: tuple[float, ...], days: ir.Value, over: ir.Value) -> ir.Value:
    """Return the share of a year's events expected by now, in steps; 1 once the year is over."""
    first, second, third, fourth = shares
    steps = ((over, 1.0), (days < 30, first), (days < 90, second), (days < 180, third))
    return ibis.cases(*steps, else_=fourth)


def _exact_sum(terms: ir.Value) -> ir.Value:
    """Sum in whole millionths, so that the order of rows does not matter."""
    return (terms * SCALE).round().cast("int64").sum().cast("float64") / SCALE


def _band(score: ir.Value) -> ir.Value:
    """Name the band of a score; null if the score is null."""
    return ibis.cases((score <= -BAND, "low"), (score >= BAND, "high"), (score.notnull(), "medium"))
