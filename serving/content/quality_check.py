"""Check a sample of sent messages of each account manager, and report it by branch.

The sample is drawn by a hash of the contact number and a seed: drawn again it is the same, and
without the seed nobody can know beforehand which messages will be checked.
"""

import hashlib
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any

import pandas as pd

from features.errors import GuanjiaError
from serving.content.check import ContentCheck, Verdict

COLUMNS = (
    "contact_id",
    "branch",
    "account_manager_id",
    "channel",
    "kind",
    "message",
    "sent_at",
)
Z = 1.959963984540054
"""Quantile of the normal distribution for a two-sided interval of 95%."""


@dataclass(frozen=True)
class QualityCheck:
    """Findings in the sample, and the estimated shares of faulty messages.

    Attributes
    ----------
    sent, checked : int
        Number of messages, and how many of them are in the sample.
    findings : pandas.DataFrame
        One row per finding: contact_id, branch, account_manager_id, channel, kind, sent_at, rule,
        label, severity, text, why, why_chinese.
    branches : pandas.DataFrame
        One row per branch: branch, sent, checked, faulty, share, low, high. `faulty` counts
        messages of the sample with a finding; `share` estimates their share of all that were sent,
        with its interval of 95% from `low` to `high`.
    managers : pandas.DataFrame
        The same by branch and manager, worst first: by the low end of the interval, so that one
        fault in two messages does not come before thirty in a hundred.
    """

    sent: int
    checked: int
    findings: pd.DataFrame
    branches: pd.DataFrame
    managers: pd.DataFrame


def check_quality(
    content_check: ContentCheck,
    messages: pd.DataFrame,
    *,
    seed: str,
    share: float = 0.05,
    least: int = 10,
) -> QualityCheck:
    """Check a sample of sent messages.

    Parameters
    ----------
    content_check : ContentCheck
        The check that messages pass before they are sent.
    messages : pandas.DataFrame
        Columns `COLUMNS`, one row per message; one without a branch or a manager counts under "".
    seed : str
        Determines the sample; secret until it is drawn.
    share : float
        Share of each manager's messages that is checked, in (0, 1].
    least : int
        Minimal number of messages of each manager, or all if there are fewer.

    Raises
    ------
    GuanjiaError
        If a column or a message is missing, a contact is named twice, or `share` or `least` is out
        of range.
    """
    _require(messages, share, least)
    frame = messages[list(COLUMNS)].copy()
    who = ["branch", "account_manager_id"]
    frame[who] = frame[who].fillna("").astype(str)
    size = frame.groupby(who)["contact_id"].transform("size")
    sampled = (size * share).map(ceil).clip(lower=least).clip(upper=size)
    order = frame["contact_id"].map(lambda contact: _draw(seed, str(contact)))
    place = order.groupby([frame[name] for name in who]).rank(method="first")
    sample = frame[place <= sampled].sort_values([*who, "contact_id"])
    verdicts = [
        content_check.check(row.message, channel=row.channel, kind=row.kind)
        for row in sample.itertuples()
    ]
    # The weight of a message is the number of sent messages that it stands for.
    checked = sample.assign(
        weight=(size / sampled).loc[sample.index],
        faulty=[not verdict.allowed for verdict in verdicts],
    )
    managers = _shares(frame, checked, who).sort_values(
        ["low", "share", *who], ascending=[False, False, True, True], ignore_index=True
    )
    branches = _shares(frame, checked, who[:1])
    findings = _findings(sample, verdicts)
    return QualityCheck(len(frame), len(checked), findings, branches, managers)


def wilson(share: float, checked: float) -> tuple[float, float]:
    """Calculate the interval of 95% of a share that was seen in `checked` independent cases.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, JASA 22
    (1927).

    Examples
    --------
    >>> [round(end, 4) for end in wilson(0.1, 100)]
    [0.0552, 0.1744]
    >>> [round(end, 4) for end in wilson(0.0, 10)]
    [0.0, 0.2775]
    """
    spread = Z * Z / checked
    middle = (share + spread / 2) / (1 + spread)
    half = Z * sqrt(share * (1 - share) / checked + spread / (4 * checked)) / (1 + spread)
    # Of none or all faulty the share is an end of the interval, but for the last binary digit.
    return min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half))


def _require(messages: pd.DataFrame, share: float, least: int) -> None:
    for name in COLUMNS:
        if name not in messages.columns:
            raise GuanjiaError(f"messages, column {name}", "is missing", "add it")
    if not 0 < share <= 1:
        raise GuanjiaError(f"share {share}", "is not above 0 and at most 1", "give a share")
    if least < 1:
        raise GuanjiaError(f"least {least}", "is below 1", "check at least one message of each")
    twice = messages.loc[messages["contact_id"].duplicated(), "contact_id"]
    if len(twice):
        raise GuanjiaError(f"contact {twice.iloc[0]}", "is there twice", "give each message once")
    empty = messages.loc[messages["message"].isna(), "contact_id"]
    if len(empty):
        fault, cure = "has no message", "give those that have a text"
        raise GuanjiaError(f"contact {empty.iloc[0]}", fault, cure)


def _draw(seed: str, contact: str) -> int:
    """Hash a seed and a contact number to a number that orders the contacts at random."""
    digest = hashlib.blake2b(contact.encode(), key=_key(seed), digest_size=8).digest()
    return int.from_bytes(digest)


def _key(seed: str) -> bytes:
    return hashlib.blake2b(seed.encode(), digest_size=32).digest()


def _shares(frame: pd.DataFrame, checked: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Estimate the share of faulty messages of each group, with its interval.

    Managers of a branch may be sampled at unequal rates: each message counts with its weight, and
    the interval is that of the effective size (Kish: the squared sum of the weights over the sum of
    their squares).
    """
    sent = frame.groupby(by).size()
    rows: list[dict[str, Any]] = []
    for key, group in checked.groupby(by):
        names = key if isinstance(key, tuple) else (key,)
        weight, faulty = group["weight"], group["faulty"]
        share = float((weight * faulty).sum() / weight.sum())
        low, high = wilson(share, float(weight.sum() ** 2 / (weight**2).sum()))
        rows.append(
            dict(zip(by, names, strict=True))
            | {
                "sent": int(sent[key if len(by) > 1 else names[0]]),
                "checked": len(group),
                "faulty": int(faulty.sum()),
                "share": share,
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(rows, columns=[*by, "sent", "checked", "faulty", "share", "low", "high"])


def _findings(sample: pd.DataFrame, verdicts: list[Verdict]) -> pd.DataFrame:
    of_message = ["contact_id", "branch", "account_manager_id", "channel", "kind", "sent_at"]
    of_finding = ["rule", "label", "severity", "text", "why", "why_chinese"]
    rows = [
        {name: row[name] for name in of_message}
        | {name: getattr(finding, name) for name in of_finding}
        for row, verdict in zip(sample.to_dict("records"), verdicts, strict=True)
        for finding in verdict.findings
    ]
    return pd.DataFrame(rows, columns=[*of_message, *of_finding])
