"""Read what a desk writes about a contact: the result in its own words, the day as Excel shows it.

Headings and words are those of call lists that offices send back; a word that says nothing certain
is refused, never guessed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from features.contracts.vocabulary import CONTACT_CHANNEL_LABELS
from features.errors import GuanjiaError, did_you_mean
from serving.campaigns.table_file import TableRow
from serving.records.contacts.outcomes import KINDS

HEADINGS: Mapping[str, tuple[str, ...]] = {
    "customer_id": ("客户号", "客户编号", "客户ID", "客户id", "customer_id"),
    "kind": ("结果", "触达结果", "外呼结果", "拨打结果", "跟进结果", "回访结果", "反馈", "result"),
    "occurred_at": (
        *("时间", "触达时间", "拨打时间", "联系时间", "外呼时间", "跟进时间", "日期"),
        *("触达日期", "拨打日期", "联系日期", "跟进日期", "occurred_at"),
    ),
    "channel": ("触达方式", "渠道", "联系方式", "channel"),
    "contact_id": ("触达号", "contact_id"),
}
"""Field of an outcome -> headings under which desks write it."""
WORDS: Mapping[str, tuple[str, ...]] = {
    "sent": ("发送成功", "短信已发", "已发短信"),
    "delivered": ("送达", "短信送达"),
    "connected": (
        "接通",
        "已联系",
        "已拨通",
        "拨通",
        "有意向",
        "考虑中",
        "再联系",
        "已沟通",
        "已加微信",
    ),
    "no_answer": (
        "未接通",
        "无人接听",
        "未接听",
        "占线",
        "关机",
        "停机",
        "无法接通",
        "正忙",
    ),
    "refused": ("已拒绝", "明确拒绝", "不考虑", "无意向", "已在他司投保", "在别家投保"),
    "opted_out": ("勿扰", "不要再打", "不再联系", "要求退订", "拒绝营销", "投诉勿扰"),
    "renewed": ("续保", "已出单", "已承保", "续保成功", "已投保", "成交", "已成交"),
    "bought": ("购买", "已买"),
    "not_sent": ("未拨打", "未联系", "空号", "错号", "发送失败", "未外呼"),
}
"""Kind of outcome -> words of desks for it, beside its label and its own name."""
MEANING: Mapping[str, str] = {
    **{label: kind for kind, label in KINDS.items()},
    **{word: kind for kind, words in WORDS.items() for word in words},
    **{kind: kind for kind in KINDS},
}
CHANNEL_WORDS: Mapping[str, str] = {
    **{label: channel for channel, label in CONTACT_CHANNEL_LABELS.items()},
    **{channel: channel for channel in CONTACT_CHANNEL_LABELS},
    "企微": "wecom",
    "外呼": "phone",
    "电话外呼": "phone",
    "APP": "app",
    "柜面": "branch",
}
DAY = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]+(\d{1,2})[:：](\d{2})(?:[:：](\d{2}))?)?"
)
EXCEL_DAY = re.compile(r"4\d{4}(?:\.\d+)?")
EXCEL_BEGINS = date(1899, 12, 30)
NOON = time(12)


@dataclass(frozen=True)
class DeskOutcome:
    """What a row says.

    Attributes
    ----------
    line : int
        Line of the file.
    kind : str
        One of `KINDS`.
    occurred_at : datetime
        When; a day without a time counts at noon.
    channel : str or None
        One of the contact channels.
    contact_id : str or None
        The contact, if the list named it.
    """

    line: int
    customer_id: str
    kind: str
    occurred_at: datetime
    channel: str | None = None
    contact_id: str | None = None


def read_outcome(row: TableRow, zone: ZoneInfo) -> DeskOutcome | None:
    """Read a row of a file of outcomes.

    Parameters
    ----------
    row : TableRow
        The row.
    zone : ZoneInfo
        Time zone in which the desk writes.

    Returns
    -------
    DeskOutcome or None
        None: the desk wrote no result yet.

    Raises
    ------
    GuanjiaError
        If the row names no customer or no day, or a word that is not known.
    """
    texts = {
        name: next((row.cells[heading] for heading in headings if heading in row.cells), "")
        for name, headings in HEADINGS.items()
    }
    if not texts["kind"]:
        return None
    if not texts["customer_id"]:
        raise GuanjiaError("row", "names no customer", "fill in 客户号")
    kind = MEANING.get(texts["kind"])
    if kind is None:
        cure = did_you_mean(texts["kind"], list(MEANING))
        raise GuanjiaError(f"result {texts['kind']}", "is not known", cure)
    channel = CHANNEL_WORDS.get(texts["channel"]) if texts["channel"] else None
    if texts["channel"] and channel is None:
        cure = did_you_mean(texts["channel"], list(CHANNEL_WORDS))
        raise GuanjiaError(f"channel {texts['channel']}", "is not known", cure)
    return DeskOutcome(
        line=row.line,
        customer_id=texts["customer_id"],
        kind=kind,
        occurred_at=read_instant(texts["occurred_at"], zone),
        channel=channel,
        contact_id=texts["contact_id"] or None,
    )


def read_instant(text: str, zone: ZoneInfo) -> datetime:
    """Read a day or an instant as a spreadsheet or a person writes it.

    Parameters
    ----------
    text : str
        2026-07-03, 2026/7/3 14:30, 2026年7月3日, or the number that Excel keeps for a day.
    zone : ZoneInfo
        Time zone in which it is written.

    Raises
    ------
    GuanjiaError
        If it is none of these.

    Examples
    --------
    >>> read_instant("2026/7/3 14:30", ZoneInfo("Asia/Shanghai")).isoformat()
    '2026-07-03T14:30:00+08:00'
    >>> read_instant("46206", ZoneInfo("Asia/Shanghai")).isoformat()
    '2026-07-03T12:00:00+08:00'
    """
    match = DAY.fullmatch(text.strip())
    try:
        if match is not None:
            year, month, day, hour, minute, second = match.groups()
            clock = NOON if hour is None else time(int(hour), int(minute), int(second or 0))
            local = date(int(year), int(month), int(day))
            return datetime.combine(local, clock, zone)
        if EXCEL_DAY.fullmatch(text.strip()):
            days, part = divmod(float(text), 1)
            local = EXCEL_BEGINS + timedelta(days=days)
            minutes = round(part * 24 * 60)
            clock = time(minutes // 60 % 24, minutes % 60) if minutes else NOON
            return datetime.combine(local, clock, zone)
    except ValueError:
        pass
    fault = "is missing" if not text else "is no day"
    raise GuanjiaError(f"time {text}".strip(), fault, "write it as 2026-07-03 or 2026-07-03 14:30")
