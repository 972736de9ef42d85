"""After sending: a sample of the messages of each manager is checked, and reported by branch.

The sample is drawn by a hash of the message's contact number: who draws it again draws the same,
and nobody can know beforehand which message will be looked at without knowing the seed.
"""

import hashlib
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any

import pandas as pd

from features.errors import GuanjiaError
from serving.content.check import ContentGate, Verdict

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
"""Of a two-sided interval of 95%."""


@dataclass(frozen=True)
class QualityCheck:
    """What was found in the sample.

    Attributes
    ----------
    sent, checked : int
        Messages given, and of them in the sample.
    findings : pandas.DataFrame
        A row a finding: contact_id, branch, account_manager_id, channel, kind, sent_at, rule,
        label, severity, text, why, why_chinese.
    branches : pandas.DataFrame
        A row a branch: branch, sent, checked, faulty, share, low, high. `faulty` counts messages of
        the sample with a finding; `share` estimates their share of all that were sent, with its
        interval of 95%.
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
    gate: ContentGate, messages: pd.DataFrame, *, seed: str, share: float = 0.05, least: int = 10
) -> QualityCheck:
    """Check a sample of sent messages.

    Parameters
    ----------
    messages : pandas.DataFrame
        Columns `COLUMNS`, a row a message; one without a branch or a manager counts under "".
    seed : str
        Kept secret until the sample is drawn.
    share : float
        Of each manager's messages, in (0, 1].
    least : int
        Messages of each manager at least, or all there are.

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
    wanted = (size * share).map(ceil).clip(lower=least).clip(upper=size)
    order = frame["contact_id"].map(lambda contact: _draw(seed, str(contact)))
    place = order.groupby([frame[name] for name in who]).rank(method="first")
    chosen = frame[place <= wanted].sort_values([*who, "contact_id"])
    verdicts = [
        gate.check(row.message, channel=row.channel, kind=row.kind) for row in chosen.itertuples()
    ]
    # Each message of the sample stands for so many that were sent.
    judged = chosen.assign(
        weight=(size / wanted).loc[chosen.index],
        faulty=[not verdict.allowed for verdict in verdicts],
    )
    managers = _shares(frame, judged, who).sort_values(
        ["low", "share", *who], ascending=[False, False, True, True], ignore_index=True
    )
    branches = _shares(frame, judged, who[:1])
    findings = _findings(chosen, verdicts)
    return QualityCheck(len(frame), len(judged), findings, branches, managers)


def wilson(share: float, checked: float) -> tuple[float, float]:
    """The interval of 95% of a share that was seen in `checked` independent cases.

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
    """A number that looks random and is the same whenever it is asked for."""
    digest = hashlib.blake2b(contact.encode(), key=_key(seed), digest_size=8).digest()
    return int.from_bytes(digest)


def _key(seed: str) -> bytes:
    return hashlib.blake2b(seed.encode(), digest_size=32).digest()


def _shares(frame: pd.DataFrame, judged: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """The estimated share of faulty messages of each group, with its interval.

    Where managers of a branch are sampled at unequal rates, each message counts with its weight,
    and the interval is that of the effective size (Kish: the squared sum of the weights over the
    sum of their squares).
    """
    sent = frame.groupby(by).size()
    rows: list[dict[str, Any]] = []
    for key, group in judged.groupby(by):
        names = key if isinstance(key, tuple) else (key,)
        weight, faulty = group["weight"], group["faulty"]
        found = float((weight * faulty).sum() / weight.sum())
        low, high = wilson(found, float(weight.sum() ** 2 / (weight**2).sum()))
        rows.append(
            dict(zip(by, names, strict=True))
            | {
                "sent": int(sent[key if len(by) > 1 else names[0]]),
                "checked": len(group),
                "faulty": int(faulty.sum()),
                "share": found,
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(rows, columns=[*by, "sent", "checked", "faulty", "share", "low", "high"])


def _findings(chosen: pd.DataFrame, verdicts: list[Verdict]) -> pd.DataFrame:
    kept = ["contact_id", "branch", "account_manager_id", "channel", "kind", "sent_at"]
    told = ["rule", "label", "severity", "text", "why", "why_chinese"]
    rows = [
        {name: row[name] for name in kept} | {name: getattr(finding, name) for name in told}
        for row, verdict in zip(chosen.to_dict("records"), verdicts, strict=True)
        for finding in verdict.findings
    ]
    return pd.DataFrame(rows, columns=[*kept, *told])
