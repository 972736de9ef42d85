"""Policy years of every car: price, accidents, service use, contact, and whether it is renewed."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy.special import expit, logit

from features.sources.simulation import calibration as c
from features.sources.simulation.effects import CONTROL, by_lot, drawn_arm, lifts
from features.sources.simulation.people import Cars, People
from features.sources.simulation.random import Bools, Draws, Floats, Ints
from features.sources.simulation.usage import used_services

STEPS = 8
_NO_CLAIM_KNOWN_BY = 320  # accidents after this day count in the year after next


@dataclass
class Terms:
    """One row a car and policy year; `car` is the row of `Cars`."""

    car: Ints
    key: Ints  # global number of the term: car key * 8 + step
    step: Ints
    inception: Ints
    expiry: Ints
    signed: Ints  # day of signature
    tenure: Ints  # policy year with us, 1 = first
    kind: Ints  # 0 new, 1 transfer, 2 renewal
    commercial: Bools
    ncd: Ints
    factor: Floats
    limit: Ints
    driver_cover: Bools
    compulsory_premium: Ints  # cents
    commercial_premium: Ints  # cents
    cancelled: Ints  # day, or -1
    accidents: Ints
    used: Ints  # bit mask over the services granted
    contacted: Bools
    randomised: Bools
    intention: Floats
    next_compulsory: Ints  # the quote for the next year, cents
    next_commercial: Ints
    p_renew: Floats
    p_renew_treated: Floats  # by contact and each offer, terms x arms but control
    p: Floats
    renewed: Bools
    next_signed: Ints  # days before expiry, if renewed

    def rows(self, keep: Any) -> "Terms":
        """Select terms by a mask or an index."""
        return Terms(*(getattr(self, f.name)[keep] for f in fields(self)))


def accident_day(draws: Draws, key: Any, number: Any, inception: Any) -> Ints:
    """Draw days from inception to an accident; months with fewer accidents redraw once.

    Parameters
    ----------
    draws : Draws
        Random numbers of the seed.
    key, number : numpy.ndarray of int64
        Global number of the term, and number of the accident within it, from 0.
    inception : numpy.ndarray of int64
        First day of the term, days since 1970.
    """
    first = draws.uniform("accident-day", key, number) * 364
    again = draws.uniform("accident-day-2", key, number) * 364
    month = (((inception + first) / 30.437) % 12).astype(np.int64)
    accept = draws.uniform("accident-month", key, number) * 1.1 < c.MONTH_WEIGHTS[month]
    return np.where(accept, first, again).astype(np.int64)


def terms(
    draws: Draws, who: People, park: Cars, last_day: int, reform_day: int | None = None
) -> Terms:
    """Draw all terms that incept by `last_day` plus forty days, by step and car.

    Commercial cover that incepts from `reform_day` on is priced by the reform.

    Parameters
    ----------
    draws : Draws
        Random numbers of the seed.
    who : People
        The customers.
    park : Cars
        Their cars.
    last_day : int
        Last day of the history, days since 1970.
    reform_day : int or None
        Day from which prices are reformed; None: never.
    """
    n, rows = draws, np.arange(len(park.key))
    fresh = park.brand_new | park.transfer
    prior = np.where(fresh, 1, 2 + n.pick((0.3, 0.25, 0.2, 0.25), "prior", park.key))
    kind = np.where(park.brand_new, 0, np.where(park.transfer, 1, 2))
    ncd = np.where(park.brand_new, 0, n.pick(c.NCD_SHARES, "ncd", park.key) - 4)
    late = np.zeros(len(rows), np.int64)
    factor = np.zeros(len(rows))
    inception = park.first_inception.copy()
    lead = np.where(park.brand_new, 0, _sign_lead(n, park.key * 8 + 7))
    tenure, years = prior, []
    for step in range(STEPS):
        keep = inception <= last_day + 40
        if not keep.any():
            break
        rows, inception, lead = rows[keep], inception[keep], lead[keep]
        tenure, kind, ncd, late = tenure[keep], kind[keep], ncd[keep], late[keep]
        factor = factor[rows] if step == 0 else factor[keep]
        term, ncd_next, late_next, factor_next = _one_year(
            n, who, park, rows, step, inception, lead, tenure, kind, ncd, late, factor, reform_day
        )
        years.append(term)
        back = ~term.renewed & (term.cancelled < 0) & (n.uniform("return", term.key) < 0.08)
        gap = np.where(
            n.uniform("gap", term.key) < 0.5, n.between(40, 150, "gap-days", term.key), 365
        )
        on = term.renewed | back
        inception = np.where(term.renewed, term.expiry, term.expiry + gap)[on]
        lead = np.where(term.renewed, term.next_signed, 1)[on]
        tenure = np.where(term.renewed, term.tenure + 1, 1)[on]
        kind = np.where(term.renewed, 2, 1)[on]
        rows, ncd, late, factor = rows[on], ncd_next[on], late_next[on], factor_next[on]
    return Terms(*(np.concatenate([getattr(t, f.name) for t in years]) for f in fields(Terms)))


def _one_year(
    n: Draws,
    who: People,
    park: Cars,
    rows: Ints,
    step: int,
    inception: Ints,
    lead: Ints,
    tenure: Ints,
    kind: Ints,
    ncd: Ints,
    late: Ints,
    factor: Floats,
    reform_day: int | None,
) -> tuple[Terms, Ints, Ints, Floats]:
    key = park.key[rows] * 8 + step
    owner = park.owner[rows]
    expiry = _a_year_later(inception)
    signed = inception - lead
    limit = _limit(n, park.key[rows], signed)
    driver = n.uniform("driver-cover", park.key[rows]) < c.DRIVER_ACCIDENT[0]
    drawn = _factor(n, who.risk[owner], key, np.zeros(len(rows)), signed)
    factor = np.where(factor > 0, factor, drawn)
    commercial = _commercial(n, park.key[rows], signed)
    reform = _reform(inception, reform_day)
    paid = _premiums(park, rows, signed, ncd, factor, limit, driver, commercial, reform)

    gone = n.uniform("cancel", key) < c.CANCELLED
    cancelled = np.where(gone, inception + n.between(10, 340, "cancel-day", key), -1)
    accidents = _accidents(n, who, park, rows, key, owner)
    seen = np.zeros(len(rows), np.int64)
    for number in range(4):
        day = accident_day(n, key, number, inception)
        seen += (number < accidents) & (day < _NO_CLAIM_KNOWN_BY)
    ncd_next = np.clip(ncd - 1 + seen + late, -4, 5)
    factor_next = _factor(n, who.risk[owner], key + 1, factor, expiry)
    limit_next = _limit(n, park.key[rows], expiry)
    offer = _premiums(
        park,
        rows,
        expiry - 25,
        ncd_next,
        factor_next,
        limit_next,
        driver,
        _commercial(n, park.key[rows], expiry),
        _reform(expiry, reform_day),
    )
    used, any_use = used_services(n, who, key, owner)
    change = np.log(offer[0] + offer[1]) - np.log(paid[0] + paid[1])
    intention = c.TERM_NOISE * n.normal("intention", key)
    base = (
        logit(np.asarray(c.TENURE_RENEWAL)[np.clip(tenure, 1, 5) - 1])
        + logit(np.asarray(c.CHANNEL_RENEWAL)[who.channel[owner]])
        - logit(0.71)
        + c.RENEWAL_OFFSET
        + c.PRICE_EFFECT * np.exp(0.35 * who.price_sensitivity[owner] - 0.06) * change
        + 0.55 * who.loyalty[owner]
        + 0.15 * who.service_sensitivity[owner]
        + c.USE_EFFECT * any_use
        + intention
    )
    randomised = by_lot(n, key)
    by_rule = n.uniform("contact", key) < expit(0.3 - 0.4 * who.loyalty[owner])
    arm = np.where(gone, CONTROL, np.where(randomised, drawn_arm(n, key), by_rule))
    contacted = arm != CONTROL
    p0 = expit(base)
    treated = expit(base[:, None] + lifts(who, owner, tenure))
    p = np.column_stack([p0, treated])[np.arange(len(rows)), arm]
    renewed = (n.uniform("renewal", key) < p) & ~gone
    term = Terms(
        car=rows,
        key=key,
        step=np.full(len(rows), step),
        inception=inception,
        expiry=expiry,
        signed=signed,
        tenure=tenure,
        kind=kind,
        commercial=commercial,
        ncd=ncd,
        factor=factor,
        limit=limit,
        driver_cover=driver,
        compulsory_premium=paid[0],
        commercial_premium=paid[1],
        cancelled=cancelled,
        accidents=accidents,
        used=used,
        contacted=contacted,
        randomised=randomised,
        intention=intention,
        next_compulsory=offer[0],
        next_commercial=offer[1],
        p_renew=p0,
        p_renew_treated=treated,
        p=p,
        renewed=renewed,
        next_signed=_sign_lead(n, key),
    )
    return term, ncd_next, accidents - seen, factor_next


def _a_year_later(day: Ints) -> Ints:
    start = day.astype("datetime64[D]")
    month = start.astype("datetime64[M]")
    later = (month + 12).astype("datetime64[D]") + (start - month.astype("datetime64[D]"))
    return np.asarray(later.astype(np.int64), np.int64)


def _sign_lead(n: Draws, key: Ints) -> Ints:
    band = n.pick(c.SIGN_SHARES, "sign-band", key)
    low, high = c.SIGN_LOW[band], c.SIGN_HIGH[band]
    lead = low + n.uniform("sign-lead", key) * (high - low + 1)
    return np.asarray(lead.astype(np.int64), np.int64)


def unsigned(p: Floats, days: Any) -> Floats:
    """Compute the probability of renewal where nothing is signed `days` before expiry.

    `p` is the probability at the outset.
    """
    ahead = np.asarray(days, np.float64)[..., None]
    width = c.SIGN_HIGH - c.SIGN_LOW + 1
    part = np.clip((c.SIGN_HIGH + 1 - ahead) / width, 0, 1)
    signed = part @ np.asarray(c.SIGN_SHARES)
    return np.asarray(p * (1 - signed) / (1 - p * signed), np.float64)


def _year(day: Ints) -> Floats:
    return day / 365.25 + 1970


def _limit(n: Draws, car: Ints, day: Ints) -> Ints:
    part = np.clip((_year(day) - 2019.5) / 6, 0, 1)[:, None]
    shares = (1 - part) * np.asarray(c.LIMIT_SHARES_2019) + part * np.asarray(c.LIMIT_SHARES_2025)
    edges = np.cumsum(shares, axis=1)
    band = (n.uniform("limit", car)[:, None] > edges[:, :3]).sum(axis=1)
    limits = np.asarray(c.LIMITS, np.int64)
    return np.asarray(limits[band], np.int64)


def _factor(n: Draws, risk: Floats, key: Ints, before: Floats, day: Ints) -> Floats:
    # Pricing sees part of the risk; each year's factor keeps part of last year's deviation.
    wide = np.where(_year(day) < 2023.5, 0.65, 0.5)
    drawn = c.FACTOR_MEAN + c.FACTOR_SD * (0.55 * risk + 0.835 * n.normal("factor", key))
    mixed = np.where(before > 0, 0.65 * before + 0.35 * drawn, drawn)
    return np.round(np.clip(mixed, wide, 2 - wide), 4)


def _commercial(n: Draws, car: Ints, day: Ints) -> Bools:
    share = np.interp(_year(day), [2019.5, 2026.5], [0.82, 0.88])
    return np.asarray(n.uniform("commercial", car) < share)


def _reform(inception: Ints, day: int | None) -> Floats:
    """Factor of the commercial premium of terms that incept on these days."""
    if day is None:
        return np.ones(len(inception))
    return np.where(inception >= day, c.PRICE_REFORM, 1.0)


def _premiums(
    park: Cars,
    rows: Ints,
    signed: Ints,
    ncd: Ints,
    factor: Floats,
    limit: Ints,
    driver: Bools,
    commercial: Bools,
    reform: Floats,
) -> tuple[Ints, Ints]:
    base = np.where(park.seats[rows] >= 6, c.COMPULSORY_BASE_LARGE, c.COMPULSORY_BASE)
    floats = np.where(ncd < 0, np.maximum(0.1 * ncd, -0.3), np.where(ncd > 1, 0.1, 0.0))
    compulsory = base * (1 + floats)
    level = c.COMMERCIAL_LEVEL * np.where(signed < c.REFORM_DAY, c.COMMERCIAL_BEFORE, 1.0)
    level = level * np.interp(_year(signed), c.LEVEL_YEARS, c.LEVELS) * reform
    worth = (park.price[rows] / 140_000) ** 0.45
    energy = np.where(park.new_energy[rows], c.NEW_ENERGY_PREMIUM, 1.0)
    cover = 0.86 + 0.07 * np.log2(limit / 500_000)
    ncd_factor = np.asarray(c.NCD_FACTORS)[ncd + 4]
    own = level * worth * energy * cover * ncd_factor * factor + driver * c.DRIVER_ACCIDENT[1]
    return (
        np.round(compulsory * 100).astype(np.int64),
        np.where(commercial, np.round(own * 100), 0).astype(np.int64),
    )


def _accidents(n: Draws, who: People, park: Cars, rows: Ints, key: Ints, owner: Ints) -> Ints:
    base = np.where(park.new_energy[rows], c.ACCIDENTS_NEW_ENERGY, c.ACCIDENTS_FUEL)
    rate = base * np.exp(c.RISK_SD * who.risk[owner] - c.RISK_SD**2 / 2)
    draw = n.uniform("accidents", key)
    count, term, total = np.zeros(len(rows), np.int64), np.exp(-rate), np.zeros(len(rows))
    for number in range(4):
        total = total + term
        count += draw > total
        term = term * rate / (number + 1)
    return count
