"""Say what an absent cell of a raw table means, in English and in Chinese."""

from typing import NamedTuple


class Absent(NamedTuple):
    """What it means that a row lacks a cell.

    Attributes
    ----------
    english, chinese : str
        The meaning, for documents and for workbooks of the insurer.
    """

    english: str
    chinese: str


UNKNOWN = Absent("not known", "不详")
ALL_CHANNELS = Absent("every channel", "全部触达方式")
NOT_YET = Absent("has not happened", "尚未发生")
NOT_CANCELLED = Absent("not cancelled", "未退保")
NOBODY = Absent("nobody looks after the customer", "无客户经理")
NO_HOUSEHOLD = Absent("no household is known", "未归入家庭")
NO_VEHICLE = Absent("no vehicle: not a motor term", "非车险，无车辆")
NO_COVER = Absent("no third-party cover, or not known", "未投保三者险或不详")
NO_INSURER = Absent("no insurer before us, or not known", "上年未投保或不详")
NO_RENEWAL = Absent("renews no term", "非续保报价")
NO_POLICY = Absent("is about no single term", "不属单张保单")
NO_LOT = Absent("not drawn by lot", "非随机分配")
NO_CLAIM = Absent("is about no claim", "与赔案无关")
NO_SCORE = Absent("a complaint, or not answered", "投诉无评分")
OF_BRANCH = Absent("booked to a branch", "机构费用，不属单个客户")
