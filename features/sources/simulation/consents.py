"""Simulate consents: to each purpose on arrival, and words on marketing by a single channel.

The words on channels are drawn out of streams of their own: every other table, and every consent to
a purpose, is the one it was before there were any.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from features.sources.simulation import calibration as c
from features.sources.simulation.people import People, customer_id
from features.sources.simulation.random import Bools, Draws, Ints
from features.sources.simulation.writing import DAY_US, NULL, ids, typed

PURPOSES = ("marketing", "profiling", "location")
CHANNELS = tuple(c.CHANNEL_REFUSED)
WECOM = CHANNELS.index("wecom")


def consents(draws: Draws, who: People) -> pa.Table:
    """Make the table of consents: those to a purpose, then those to marketing by one channel."""
    return pa.concat_tables([*_to_purposes(draws, who), *_to_channels(draws, who)])


def general_consent(draws: Draws, who: People, number: int) -> tuple[Bools, Bools]:
    """Draw who consents to a purpose on arrival, and who of these withdraws it later.

    Parameters
    ----------
    draws : Draws
        Random numbers of the seed.
    who : People
        The customers.
    number : int
        Place of the purpose in `PURPOSES`.
    """
    given = draws.uniform("consent", who.index, number) < c.CONSENT_GIVEN[number]
    return given, given & (draws.uniform("withdrawn", who.index, number) < c.CONSENT_WITHDRAWN)


def _to_purposes(n: Draws, who: People) -> list[pa.Table]:
    rows, parts = len(who.index), []
    for number, purpose in enumerate(PURPOSES):
        given, withdrawn = general_consent(n, who, number)
        later = who.registered + n.between(60, 1500, "withdrawal", who.index, number) * DAY_US
        steps = ((np.ones(rows, bool), given, who.registered), (withdrawn, ~withdrawn, later))
        for step, (mask, granted_now, at) in enumerate(steps):
            serial = number * 2 + step
            parts.append(
                _words(who.index[mask], ("A", serial), purpose, granted_now[mask], at[mask])
            )
    return parts


def _to_channels(n: Draws, who: People) -> list[pa.Table]:
    """Make the words on one channel.

    Who consents to marketing may refuse a channel, on arrival or later, and some open it again. Who
    refuses marketing may accept WeCom alone, on adding the steward there.
    """
    given, _ = general_consent(n, who, PURPOSES.index("marketing"))
    parts = []
    for number, channel in enumerate(CHANNELS):
        refused = given & (n.uniform("channel", who.index, number) < c.CHANNEL_REFUSED[channel])
        late = n.uniform("channel-late", who.index, number) < c.CHANNEL_REFUSED_LATER
        days = n.between(30, 1500, "channel-day", who.index, number)
        refused_at = who.registered + np.where(late, days, 0) * DAY_US
        opened = refused & (n.uniform("opened", who.index, number) < c.CHANNEL_OPENED)
        opened_at = refused_at + n.between(60, 900, "opening", who.index, number) * DAY_US
        steps = [(refused, False, refused_at), (opened, True, opened_at)]
        if number == WECOM:
            accepted = n.uniform("wecom-alone", who.index) < c.WECOM_ALONE
            accepted &= ~given & (who.wecom != NULL)
            steps.append((accepted, True, np.maximum(who.wecom, who.registered + DAY_US)))
        for step, (mask, granted, at) in enumerate(steps):
            index, serial = who.index[mask], number * 3 + step
            granted_now = np.full(len(index), granted)
            parts.append(_words(index, ("AC", serial), "marketing", granted_now, at[mask], channel))
    return parts


def _words(
    index: Ints, key: tuple[str, int], purpose: str, granted: Bools, at: Ints, channel: str = ""
) -> pa.Table:
    """Make rows of one word: who gave it, its number among theirs, on what, yes or no, and when."""
    rows, (prefix, serial) = len(index), key
    columns: dict[str, Any] = {
        "consent_id": ids(prefix, (index + 1, 8), (index * 0 + serial, 2 if channel else 1)),
        "customer_id": customer_id(index),
        "purpose": ((purpose,), np.zeros(rows, np.int64)),
        "granted": granted,
        "changed_at": at,
        "recorded_at": at + 10**6,
    }
    if channel:
        columns["channel"] = ((channel,), np.zeros(rows, np.int64))
    return typed("consents", columns, rows)
