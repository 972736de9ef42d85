"""Engagement tags 互动: contacts and their results, mini-program, WeCom, surveys, consents.

More tags of contacts are in `features.tags.groups.touch_history`.
"""

import ibis
import ibis.expr.types as ir

from features.tags.declare import D7, D30, D90, D180, D365, M36, TagGroup

GROUP = TagGroup("engagement", "互动")
tag = GROUP.tag
family = GROUP.family
members = GROUP.members

NO_CONTACTS = "interactions are absent"
NO_CASES = "surveys and complaints are absent"


@family("触达次数", D7, D30, D90, D180, D365, unit="contacts", relation="interactions",
        null=NO_CONTACTS, type="int64", empty=0)  # fmt: skip
def contact_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of contacts we made within {window}."""
    return t.count(where=within & t.outbound)


@family("有效触达次数", D90, D365, unit="contacts", relation="interactions",
        null=NO_CONTACTS, type="int64", empty=0)  # fmt: skip
def contact_reached_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of contacts we made within {window} that reached the customer."""
    return t.count(where=within & t.outbound & t.reached)


@family("触达响应次数", D30, D90, D180, D365, unit="contacts", relation="interactions",
        null=NO_CONTACTS, type="int64", empty=0)  # fmt: skip
def contact_response_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of contacts we made within {window} that were clicked, answered or converted."""
    return t.count(where=within & t.outbound & t.responded)


@family("主动联系次数", D90, D365, unit="contacts", relation="interactions",
        null=NO_CONTACTS, type="int64", empty=0)  # fmt: skip
def inbound_contact_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of times the customer contacted us within {window}."""
    return t.count(where=within & ~t.outbound)


@family("拒绝次数", D90, D365, unit="contacts", relation="interactions",
        null=NO_CONTACTS, type="int64", empty=0)  # fmt: skip
def contact_refused_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of contacts we made within {window} that the customer refused or opted out of."""
    return t.count(where=within & t.outbound & t.refused)


@family("未接次数", D90, D365, unit="contacts", relation="interactions",
        null=NO_CONTACTS, type="int64", empty=0)  # fmt: skip
def contact_no_answer_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of contacts we made within {window} that nobody answered."""
    return t.count(where=within & t.outbound & (t.result == "no_answer"))


@family("触达成本", D365, unit="yuan", relation="interactions", null=NO_CONTACTS,
        empty=0)  # fmt: skip
def contact_cost(t: ir.Table, within: ir.Value) -> ir.Value:
    """Cost of contacts within {window}."""
    return t.cost.sum(where=within).fill_null(0).cast("float64")


with GROUP.interleaved():

    @members(
        {
            "sms_contact_count": ("短信触达次数", "sms"),
            "wechat_contact_count": ("微信触达次数", "wechat"),
            "wecom_contact_count": ("企业微信触达次数", "wecom"),
            "phone_contact_count": ("电话触达次数", "phone"),
        },
        D365, unit="contacts", relation="interactions", null=NO_CONTACTS, type="int64", empty=0,
    )  # fmt: skip
    def channel_contact_count(t: ir.Table, within: ir.Value, channel: str) -> ir.Value:
        """Number of contacts we made by {value} within {window}."""
        return t.count(where=within & t.outbound & (t.channel == channel))

    @members(
        {
            "sms_response_count": ("短信响应次数", "sms"),
            "wechat_response_count": ("微信响应次数", "wechat"),
            "wecom_response_count": ("企业微信响应次数", "wecom"),
            "phone_response_count": ("电话响应次数", "phone"),
        },
        D365, unit="contacts", relation="interactions", null=NO_CONTACTS, type="int64", empty=0,
    )  # fmt: skip
    def channel_response_count(t: ir.Table, within: ir.Value, channel: str) -> ir.Value:
        """Number of contacts we made by {value} within {window} that were clicked, answered or
        converted."""
        return t.count(where=within & t.outbound & t.responded & (t.channel == channel))


@tag("距上次触达天数", unit="days", relation="interactions", null="we made no contact",
     type="int64")  # fmt: skip
def days_since_last_contact(t: ir.Table) -> ir.Value:
    """Days since we last made contact."""
    return t.days_ago.min(where=t.outbound)


@tag("距上次响应天数", unit="days", relation="interactions",
     null="the customer responded to no contact", type="int64")  # fmt: skip
def days_since_last_response(t: ir.Table) -> ir.Value:
    """Days since we last made a contact the customer responded to."""
    return t.days_ago.min(where=t.outbound & t.responded)


@tag("已退订", unit="yes or no", relation="interactions", null=NO_CONTACTS, type="boolean",
     empty=0)  # fmt: skip
def opted_out(t: ir.Table) -> ir.Value:
    """Whether the customer ever opted out in answer to a contact."""
    return (t.result == "opted_out").any().fill_null(False)


@tag("已绑定小程序", unit="yes or no", relation="customers", null="customer unknown",
     type="boolean")  # fmt: skip
def mini_program_bound(t: ir.Table) -> ir.Value:
    """Whether the customer has bound the mini-program."""
    return t.mini_program_bound_at.notnull().any()


@tag("绑定小程序天数", unit="days", relation="customers", null="not bound", type="int64")
def days_since_mini_program_bound(t: ir.Table) -> ir.Value:
    """Days since the customer bound the mini-program."""
    return t.bound_days_ago.min()


@tag("已加企业微信", unit="yes or no", relation="customers", null="customer unknown",
     type="boolean")  # fmt: skip
def wecom_added(t: ir.Table) -> ir.Value:
    """Whether the customer has added us on WeCom."""
    return t.wecom_added_at.notnull().any()


@tag("加企业微信天数", unit="days", relation="customers", null="not added", type="int64")
def days_since_wecom_added(t: ir.Table) -> ir.Value:
    """Days since the customer added us on WeCom."""
    return t.added_days_ago.min()


@family("回访次数", D365, unit="surveys", relation="cases", null=NO_CASES, type="int64",
        empty=0)  # fmt: skip
def survey_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of satisfaction surveys answered within {window}."""
    return t.count(where=within & (t.kind == "survey"))


@tag("最近满意度", unit="score of 1 to 5", relation="cases", null="no survey was answered",
     type="int64")  # fmt: skip
def survey_score_last(t: ir.Table) -> ir.Value:
    """Score of the latest satisfaction survey answered."""
    return t.score.max(where=t.latest_survey)


@family("平均满意度", M36, unit="score of 1 to 5", relation="cases",
        null="no survey was answered in the window")  # fmt: skip
def survey_score_mean(t: ir.Table, within: ir.Value) -> ir.Value:
    """Mean score of satisfaction surveys answered within {window}."""
    counted = within & (t.kind == "survey")
    count = t.score.count(where=counted)
    mean = t.score.sum(where=counted).cast("float64") / count
    return (count > 0).ifelse(mean, ibis.null("float64"))


@family("投诉次数", D365, M36, unit="complaints", relation="cases", null=NO_CASES,
        type="int64", empty=0)  # fmt: skip
def complaint_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of complaints received within {window}."""
    return t.count(where=within & (t.kind == "complaint"))


@tag("未解决投诉数", unit="complaints", relation="cases", null=NO_CASES, type="int64",
     empty=0)  # fmt: skip
def open_complaints(t: ir.Table) -> ir.Value:
    """Number of complaints not resolved."""
    return t.count(where=(t.kind == "complaint") & t.resolved_at.isnull())


@tag("同意营销", unit="yes or no", relation="consents", type="boolean",
     null="the customer never said, or consents are absent")  # fmt: skip
def marketing_consent(t: ir.Table) -> ir.Value:
    """Whether the customer's latest word on marketing by every channel is consent; words on one
    channel alone do not count."""
    return t.granted.any(where=(t.purpose == "marketing") & t.whole)


@tag("同意画像", unit="yes or no", relation="consents", type="boolean",
     null="the customer never said, or consents are absent")  # fmt: skip
def profiling_consent(t: ir.Table) -> ir.Value:
    """Whether the customer's latest word on profiling is consent."""
    return t.granted.any(where=t.purpose == "profiling")


@tag("近365天触达响应率", unit="share", window="365 days",
     null="we made no contact in the window")  # fmt: skip
def contact_response_share_365d(t: ir.Table) -> ir.Value:
    """contact_response_count_365d / contact_count_365d."""
    share = t.contact_response_count_365d / t.contact_count_365d
    return (t.contact_count_365d > 0).ifelse(share, ibis.null("float64"))
