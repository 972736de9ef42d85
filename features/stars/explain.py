"""Explain the star of one customer: every term, claim and step that the rating is made of.

The SQL is that of `features.stars.value`, stored in the home: only where it is not there yet is
Ibis imported.
"""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import Any

from features.jsonable import jsonable
from features.lake import Lake
from features.lake.civil_days import years_before
from features.lake.compiled import compile_once
from features.lake.known_customers import refuse_unknown
from features.stars.settings import StarSettings, Tier, load_star_settings
from features.stars.stored_tables import open_own_rows, read_rows, write_pair

__all__ = ["Rating", "StarSettings", "Tier", "explain_rating", "load_star_settings"]

FEN = Decimal("0.01")
PAIRS, RATINGS, TERMS, CLAIMS = "rating_pairs", "ratings", "rating_terms", "rating_claims"
"""Tables that the stored SQL reads and creates."""


@dataclass(frozen=True)
class CountedTerm:
    """A motor term known on the rating date, and whether it counts for premium and tenure."""

    policy_id: str
    line: str
    inception: date
    cover_end: date
    premium: Decimal
    in_premium: bool
    in_chain: bool


@dataclass(frozen=True)
class CountedClaim:
    """A claim in the window, with paid and outstanding amounts as recorded by the rating date."""

    claim_id: str
    policy_id: str
    occurred_on: date
    paid: Decimal
    outstanding: Decimal


@dataclass(frozen=True)
class Rating:
    """The star of a customer, with everything that it is computed from.

    Attributes
    ----------
    uncounted : tuple of CountedClaim
        Claims of the window that do not count: they are on no car whose premium counts.
    claims_5y, value, star_level, star_name, star_label : optional
        None if there is no table `claim_movements`: unknown is not zero.
    chain_days : int, optional
        Days from the chain's first to its latest inception; None without a chain.
    entitlements : dict
        `steward`, `online_claims`, `A`, `B`, `C`.
    missing : str
        What the customer lacks for the next star, as a sentence.
    sentences : tuple of str
        The arithmetic, step by step.
    """

    customer_id: str
    as_of: date
    window_start: date
    terms: tuple[CountedTerm, ...]
    claims: tuple[CountedClaim, ...]
    uncounted: tuple[CountedClaim, ...]
    premium_5y: Decimal
    claims_5y: Decimal | None
    chain_start: date | None
    latest_inception: date | None
    cover_end: date | None
    chain_days: int | None
    tenure_years: int
    coefficient: Decimal
    value: Decimal | None
    star_level: int | None
    star_name: str | None
    star_label: str | None
    lapsed: bool
    entitlements: dict[str, int | bool]
    missing: str
    sentences: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Convert the rating for JSON: money as decimal strings, dates in ISO form."""
        fields: dict[str, Any] = jsonable(self)
        return fields


def explain_rating(
    lake: Lake, customer_id: str, as_of: date, settings: StarSettings | None = None
) -> Rating:
    """Rate one customer by the rule of `rate`, with the arithmetic.

    Parameters
    ----------
    lake : Lake
        Where the checked tables lie.
    customer_id : str
        The customer.
    as_of : date
        Date of the rating.
    settings : StarSettings, optional
        Default: those of `<home>/star.toml`.

    Raises
    ------
    GuanjiaError
        If the customer is not known as of that date.
    """
    settings = settings or load_star_settings(lake.home)
    rated, motor, costs = _compute(lake, customer_id, as_of, settings)
    terms = tuple(
        CountedTerm(**{name: row[name] for name in CountedTerm.__dataclass_fields__})
        for row in motor
    )
    start = years_before(as_of, settings.window_years)
    tier = settings.tier(rated["star_level"]) if rated["star_level"] else None
    chain_days = (
        (rated["latest_inception"] - rated["chain_start"]).days if rated["chain_start"] else None
    )
    claims, uncounted = _claims(costs)
    return Rating(
        **rated,
        window_start=start,
        terms=terms,
        claims=claims,
        uncounted=uncounted,
        chain_days=chain_days,
        star_name=tier.name if tier else None,
        star_label=tier.label if tier else None,
        entitlements=_entitlements(tier),
        missing=_missing(rated, settings),
        sentences=_sentences(rated, terms, claims, uncounted, start, chain_days, tier, settings),
    )


def _compute(
    lake: Lake, customer_id: str, as_of: date, settings: StarSettings
) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """Compute the rating, the motor terms and the claims of one customer, by stored SQL."""
    refuse_unknown(lake, customer_id, as_of)
    present = [table for table in ("claims", "claim_movements") if lake.has(table)]
    opened = open_own_rows(lake, ["policies", *present], customer_id)
    write_pair(lake, PAIRS, customer_id, as_of)

    def write_script() -> str:
        from features.stars.rating_script import rating_script

        return rating_script(lake, PAIRS, settings, (RATINGS, TERMS, CLAIMS))

    key = ("rating", settings.model_dump_json(), opened)
    lake.con.execute(compile_once(lake, key, write_script))
    (rated,) = read_rows(lake, RATINGS, "customer_id")
    terms = read_rows(lake, TERMS, "inception, policy_id")
    has_claims = "claim_movements" in present
    return rated, terms, read_rows(lake, CLAIMS, "occurred_at, claim_id") if has_claims else []


def _claims(
    rows: list[dict[str, Any]],
) -> tuple[tuple[CountedClaim, ...], tuple[CountedClaim, ...]]:
    """Part the claims of the window into those that count, and those that do not."""
    named = [
        CountedClaim(**{name: row[name] for name in CountedClaim.__dataclass_fields__})
        for row in rows
    ]
    counts = [row["counts"] for row in rows]
    return (
        tuple(claim for claim, counted in zip(named, counts, strict=True) if counted),
        tuple(claim for claim, counted in zip(named, counts, strict=True) if not counted),
    )


def _entitlements(tier: Tier | None) -> dict[str, int | bool]:
    if tier is None:
        return {}
    return {
        "steward": tier.steward,
        "online_claims": tier.online_claims,
        "A": tier.a_services,
        "B": tier.b_services,
        "C": tier.c_services,
    }


def _sentences(
    rated: dict[str, Any],
    terms: tuple[CountedTerm, ...],
    claims: tuple[CountedClaim, ...],
    uncounted: tuple[CountedClaim, ...],
    start: date,
    chain_days: int | None,
    tier: Tier | None,
    settings: StarSettings,
) -> tuple[str, ...]:
    counted = sum(term.in_premium for term in terms)
    window = f"after {start} and by {rated['as_of']}"
    sentences = [
        f"Premium 保费 a = {_yuan(rated['premium_5y'])}: {counted} private-car motor term(s) "
        f"incepting {window}.",
        "Claims 赔款 b are unknown: there is no table claim_movements."
        if rated["claims_5y"] is None
        else f"Claims 赔款 b = {_yuan(rated['claims_5y'])}: {len(claims)} claim(s) occurring "
        f"{window}, settled 已决 {_yuan(_sum(claim.paid for claim in claims))} and outstanding "
        f"未决 {_yuan(_sum(claim.outstanding for claim in claims))}.",
        *_uncounted_sentence(uncounted),
        _tenure_sentence(rated, chain_days, settings),
        f"Coefficient 留存系数 c = {_short(rated['coefficient'])}.",
    ]
    if rated["value"] is not None and tier is not None:
        sentences += [
            f"Value 客户价值 = (a - b) * c = ({_yuan(rated['premium_5y'])} - "
            f"{_yuan(rated['claims_5y'])}) * {_short(rated['coefficient'])} = "
            f"{_yuan(rated['value'])}.",
            f"Star 星级 {tier.level}, {tier.name} {tier.label}: "
            + (
                "a negative value is in the lowest tier."
                if rated["value"] < 0
                else f"the value is at least {_yuan(tier.threshold)}."
            ),
        ]
    return tuple(sentences)


def _uncounted_sentence(claims: tuple[CountedClaim, ...]) -> tuple[str, ...]:
    if not claims:
        return ()
    cost = _sum(claim.paid + claim.outstanding for claim in claims)
    names = ", ".join(claim.claim_id for claim in claims)
    return (
        f"Not counted: {len(claims)} claim(s) of {_yuan(cost)} on no car whose premium counts"
        f" ({names}; docs/star.md).",
    )


def _tenure_sentence(rated: dict[str, Any], chain_days: int | None, settings: StarSettings) -> str:
    if chain_days is None:
        return "Tenure 留存年限 = 0: no motor term has incepted."
    if rated["lapsed"]:
        return (
            f"Tenure 留存年限 = 0, lapsed 脱保: cover ended on {rated['cover_end']}, more than "
            f"{settings.break_months} months before {rated['as_of']}."
        )
    return (
        f"Tenure 留存年限 = 1 + floor(({chain_days} + {settings.tenure_grace_days}) / "
        f"{settings.year_days}) = {rated['tenure_years']}: the chain's first term incepted on "
        f"{rated['chain_start']}, its latest on {rated['latest_inception']}."
    )


def _missing(rated: dict[str, Any], settings: StarSettings) -> str:
    """Say what the customer lacks for the next star."""
    level, value = rated["star_level"], rated["value"]
    if level is None:
        return "The star is unknown without the table claim_movements."
    if level == len(settings.tiers):
        return "Nothing: this is the highest star."
    following = settings.tier(level + 1)
    gap = following.threshold - value
    goal = f"{_yuan(gap)} of value to star {following.level}, {following.name} {following.label}"
    if rated["lapsed"] or rated["tenure_years"] == 0:
        return f"{goal}; first the customer must take out motor cover, and tenure then starts at 1."
    if rated["coefficient"] == 0:
        return (
            f"{goal}; the coefficient is 0 at tenure {rated['tenure_years']}: it takes a renewal."
        )
    more = (gap / rated["coefficient"]).quantize(FEN, ROUND_CEILING)
    return f"{goal}: {_yuan(more)} more premium net of claims at coefficient " + (
        f"{_short(rated['coefficient'])}."
    )


def _sum(amounts: Any) -> Decimal:
    return sum(amounts, Decimal("0.00"))


def _short(number: Decimal) -> str:
    """Format a decimal without trailing zeros: 1.10 as 1.1, 0.00 as 0."""
    return f"{number:f}".rstrip("0").rstrip(".") if "." in f"{number:f}" else f"{number:f}"


def _yuan(amount: Decimal) -> str:
    """Format money with thousands separators and at least two decimals, without rounding."""
    places = max(2, len(_short(amount).partition(".")[2]))
    return f"{amount:,.{places}f} yuan"
