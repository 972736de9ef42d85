"""Shapes of requests and answers about campaigns."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StrictBool, model_validator

from serving.schemas import NO_NUL, CustomerId, Message

MOST_MEMBERS = 10_000
Reason = Annotated[str, Field(min_length=10, max_length=500, pattern=NO_NUL)]


class MemberNamed(Message):
    """A member of the list, as of the draw."""

    customer_id: CustomerId
    household: Annotated[str, Field(max_length=100, pattern=NO_NUL)] | None = Field(
        default=None, description="What customers of one household share; it is hashed. 家庭标识"
    )
    place: int | None = Field(default=None, ge=1, description="Place on the list. 排位")
    probability: float | None = Field(default=None, ge=0, le=1, description="续保概率")
    margin: float | None = Field(default=None, description="Expected margin, yuan. 预期边际贡献")
    star: int | None = Field(default=None, ge=0, le=9)
    segment: Annotated[str, Field(max_length=100, pattern=NO_NUL)] | None = None
    branch: Annotated[str, Field(max_length=100, pattern=NO_NUL)] | None = None


class ReleaseNamed(Message):
    """A release of a list."""

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL)]
    release_id: Annotated[str, Field(max_length=64, pattern="^[0-9a-f]+$")] | None = Field(
        default=None, description="Default: the latest."
    )


class PlanRequest(Message):
    """A plan, and its members or the release of a list that it draws from."""

    plan: dict[str, Any] = Field(
        description="Fields of the plan, as docs/campaigns.md lists them. 活动方案"
    )
    members: list[MemberNamed] | None = Field(
        default=None, min_length=1, max_length=MOST_MEMBERS, description="名单成员"
    )
    release: ReleaseNamed | None = Field(
        default=None, description="The released list instead of members. 已发布名单"
    )

    @model_validator(mode="after")
    def _has_one_list(self) -> Self:
        if (self.members is None) == (self.release is None):
            raise ValueError("give members or release, one of them")
        return self


class LaunchRequest(Message):
    """The launch of a planned campaign."""

    weak_because: Reason | None = Field(
        default=None, description="Why it is launched though its power is below one half. 理由"
    )


class StopRequest(Message):
    """The stop of a running campaign."""

    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=NO_NUL)] = Field(
        description="Why it is stopped. 停止原因"
    )


class CampaignTold(Message):
    """A campaign: its plan, its lot, its power, and how it stands."""

    campaign: str
    label: str
    state: Literal["planned", "running", "stopped", "ended"]
    plan: dict[str, Any]
    draw: dict[str, Any] = Field(description="Members drawn by arm, left out by reason. 抽签")
    check: dict[str, Any] = Field(description="What it can see. 统计功效")
    planned_at: datetime
    planned_by: str
    launched_at: datetime | None
    launched_by: str | None
    closed_at: datetime | None
    closed_by: str | None
    close_reason: str | None


class CampaignsResponse(Message):
    """All campaigns, those planned last at the head."""

    campaigns: list[CampaignTold]


class MeasurementResponse(Message):
    """What a campaign is known to have done by a date."""

    campaign: str
    label: str
    state: str
    as_of: date
    verdict: Literal["harms", "mismatch", "too_early", "too_small", "pays", "does_not_pay"]
    chinese: str = Field(description="The verdict in words. 结论")
    english: str
    arms: list[dict[str, Any]] = Field(description="The arms in numbers. 各组人数")
    ratio: dict[str, Any] = Field(description="Sizes of the arms against the lot. 分组比例")
    harms: dict[str, Any] = Field(description="Guards of harm. 危害监护")
    ripe_share: float = Field(description="Share of the terms that are ripe. 成熟比例")
    next_look: float | None = Field(description="Share at which the next look is due. 下次查看")
    beyond_plan: StrictBool = Field(description="Whether the interval is the always-valid one.")
    figures: dict[str, Any] | None = Field(
        description="Effects with intervals; null before the look. 增量"
    )


class ArmTold(Message):
    """An arm of a campaign that a customer was drawn into."""

    campaign: str
    label: str
    arm: str
    kind: Literal["treatment", "as_before", "silence"]
    launched_at: datetime
    active: bool = Field(description="Whether the arm held on the date.")


class ArmsResponse(Message):
    """The arms of a customer, in the order of launch."""

    customer_id: str
    as_of: date
    arms: list[ArmTold]
