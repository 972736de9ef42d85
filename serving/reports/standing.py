"""Compare offices with what was expected of their terms, and forecast the month's end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from features.lake import Lake
from serving.reports.expected import EXPECTED, completion_curve
from serving.reports.months import Period
from serving.reports.settings import Level
from serving.reports.terms import TERMS

if TYPE_CHECKING:
    from training.experiments.month_end import Array, Shift


@dataclass(frozen=True)
class Standing:
    """An office against what was expected of its terms.

    Attributes
    ----------
    terms : int
        Expired terms of which there is an expectation.
    renewed : int
        How many of them are renewed.
    expected : float
        Renewals expected of them as of their entry into the pool.
    difference : float
        `renewed` less those expected after what moved all offices alike is taken out.
    low, high : float
        Bounds of the renewal rate: outside of them lie 5 of 100 offices that differ as offices do.
    outside : bool
        Whether the rate lies outside of them.
    shrunk, shrunk_low, shrunk_high : float
        The difference as a share of the terms, shrunk for the size of the office, and its interval.
    """

    terms: int
    renewed: int
    expected: float
    difference: float
    low: float
    high: float
    outside: bool
    shrunk: float
    shrunk_low: float
    shrunk_high: float


@dataclass(frozen=True)
class Comparisons:
    """All offices against expectation.

    Attributes
    ----------
    offices : dict of str to Standing
        By key.
    terms, renewed : int
        Of all offices together.
    expected : float
        Renewals expected of all.
    low, high : float
        95% interval of the renewals that the expectation allows by chance alone.
    shift : float
        By how much the log-odds of all offices together lie above the expected ones.
    spread : float
        Standard deviation of the offices' log-odds beyond chance; 0: chance explains all.
    """

    offices: dict[str, Standing]
    terms: int
    renewed: int
    expected: float
    low: float
    high: float
    shift: float
    spread: float


@dataclass(frozen=True)
class MonthEnd:
    """The month as it will end.

    Attributes
    ----------
    due, renewed, open, unknown : int
        Terms of the month; renewed already; expired or not, without a renewal and with a
        probability; without one, which are taken to be lost.
    forecast, low, high : float, int, int
        Renewals in the end, with the 95% prediction interval.
    months : int
        Past months that the uncertainty was learned from; 0: the probabilities at their word.
    """

    due: int
    renewed: int
    open: int
    unknown: int
    forecast: float
    low: int
    high: int
    months: int


def compare_with_expected(lake: Lake, month: Period, by: Level) -> Comparisons | None:
    """Compare each office with its expectation; None if there is no expectation.

    Terms whose grace period runs are expected to be renewed as far as renewals usually are signed
    by so many days after the expiry.

    Parameters
    ----------
    lake : Lake
        The home, with the tables of `terms_table` and `expected_table`.
    month : Period
        The month.
    by : {"branch", "team", "manager", "channel", "star"}
        What an office is.
    """
    import numpy as np

    from training.experiments.offices import QUANTILE, compare_offices

    curve = completion_curve(lake, month.day)
    steps = ", ".join(
        f"({days}, {share!r}::DOUBLE)" for days, share in enumerate(map(float, curve))
    )
    rows = lake.con.execute(
        f"""
        WITH row AS (
            SELECT t.{by} AS key, t.renewed, CASE WHEN e.source = 'certain' THEN e.p
                ELSE e.p * c.share END AS p
            FROM {TERMS} t JOIN {EXPECTED} e USING (policy_id)
            JOIN (VALUES {steps}) AS c(days, share)
                ON c.days = least(DATE '{month.day}' - t.expiry, {len(curve) - 1})
            WHERE t.expired AND t.expiry BETWEEN DATE '{month.first}' AND DATE '{month.last}'
        )
        SELECT key, count(*), count(*) FILTER (renewed), sum(p), sum(p * (1 - p)),
            sum(p * (1 - p) * (1 - 2 * p))
        FROM row GROUP BY 1 ORDER BY 1
        """
    ).fetchall()
    if not rows:
        return None
    keys = [row[0] for row in rows]
    terms, renewed, expected, variance, third = (
        np.array([row[place] for row in rows], float) for place in range(1, 6)
    )
    compared = compare_offices(renewed, expected, variance, third)
    standings = {
        key: Standing(
            terms=int(terms[place]),
            renewed=int(renewed[place]),
            expected=float(expected[place]),
            difference=float(renewed[place] - compared.expected[place]),
            low=float(max(compared.low[place] / terms[place], 0.0)),
            high=float(min(compared.high[place] / terms[place], 1.0)),
            outside=bool(compared.outside[place]),
            shrunk=float(compared.shrunk[place] / terms[place]),
            shrunk_low=float(compared.shrunk_low[place] / terms[place]),
            shrunk_high=float(compared.shrunk_high[place] / terms[place]),
        )
        for place, key in enumerate(keys)
    }
    total, half = float(expected.sum()), QUANTILE * float(np.sqrt(variance.sum()))
    return Comparisons(
        offices=standings,
        terms=int(terms.sum()),
        renewed=int(renewed.sum()),
        expected=total,
        low=max(total - half, 0.0),
        high=min(total + half, float(terms.sum())),
        shift=compared.shift,
        spread=compared.spread,
    )


def forecast_month(lake: Lake, month: Period, past: Sequence[Period]) -> MonthEnd:
    """Forecast the renewals of a month, grace periods included.

    Parameters
    ----------
    lake : Lake
        The home, with the tables of `terms_table` and `expected_table`.
    month : Period
        The month.
    past : sequence of Period
        Months whose outcome is ripe, looked at on the same day: how far their open terms were from
        their probabilities is how far those of this month may be.
    """
    import numpy as np

    from training.experiments.month_end import forecast_renewals

    due, renewed = _one_row(
        lake,
        f"SELECT count(*), count(*) FILTER (renewed) FROM {TERMS} WHERE {_expires(month)}",
    )
    waiting = lake.con.execute(
        f"SELECT e.p FROM {TERMS} t JOIN {EXPECTED} e USING (policy_id) WHERE NOT t.renewed"
        f" AND NOT t.expired AND e.asked_on = DATE '{month.day}' AND {_expires(month)}"
    ).fetchnumpy()["p"]
    late = _late_renewals(lake, month, completion_curve(lake, month.day))
    probabilities = np.concatenate([np.asarray(waiting, float), late])
    shift = _learn_shift(lake, past)
    done = forecast_renewals(renewed, probabilities, shift)
    return MonthEnd(
        due=due,
        renewed=renewed,
        open=len(probabilities),
        unknown=due - renewed - len(probabilities),
        forecast=done.mean,
        low=done.low,
        high=done.high,
        months=shift.months,
    )


def _late_renewals(lake: Lake, month: Period, curve: "Array") -> "Array":
    """Give expired terms that are not ripe their probability of a renewal in the days left."""
    import numpy as np

    shares = np.asarray(curve, float)
    rows = lake.con.execute(
        f"SELECT e.p, DATE '{month.day}' - t.expiry AS days FROM {TERMS} t JOIN {EXPECTED} e"
        f" USING (policy_id) WHERE NOT t.renewed AND t.expired AND NOT t.ripe"
        f" AND e.asked_on <> DATE '{month.day}' AND {_expires(month)}"
    ).fetchnumpy()
    p, days = np.asarray(rows["p"], float), np.asarray(rows["days"], int)
    signed = p * shares[np.minimum(days, len(shares) - 1)]
    return np.where(signed < 1, (p - signed) / np.maximum(1 - signed, 1e-9), 0.0)


def _learn_shift(lake: Lake, past: Sequence[Period]) -> "Shift":
    from training.experiments.month_end import estimate_shift

    rows = []
    for period in past:
        rows.append(
            _one_row(
                lake,
                f"SELECT count(*) FILTER (t.renewed), coalesce(sum(e.p), 0),"
                f" coalesce(sum(e.p * (1 - e.p)), 0) FROM {TERMS} t JOIN {EXPECTED} e"
                f" USING (policy_id) WHERE e.asked_on = DATE '{period.day}' AND {_expires(period)}"
                f" AND t.expiry > DATE '{period.day}'",
            )
        )
    return estimate_shift(*zip(*rows, strict=True)) if rows else estimate_shift([], [], [])


def _expires(period: Period) -> str:
    return f"expiry BETWEEN DATE '{period.first}' AND DATE '{period.last}'"


def _one_row(lake: Lake, query: str) -> tuple[int, ...]:
    row = lake.con.execute(query).fetchone()
    assert row is not None
    return tuple(row)
