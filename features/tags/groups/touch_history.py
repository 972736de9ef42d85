"""Touch history 触达历史, of the engagement group: contacts by touchpoint, result and channel, what
came of the last one, fatigue, refusals, ways to reach the customer, and consents."""

import ibis
import ibis.expr.types as ir

from features.tags.choices import FEWEST_CONTACTS, highest, response_share, share_of
from features.tags.declare import D365, M36
from features.tags.groups.engagement import GROUP, NO_CONTACTS

tag = GROUP.tag
family = GROUP.family
members = GROUP.members

CHANNELS = ("sms", "wechat", "wecom", "phone")


with GROUP.interleaved():

    @members(
        {
            "underwriting_contact_count": ("承保环节触点触达次数", "underwriting"),
            "service_contact_count": ("服务使用触点触达次数", "service"),
            "care_contact_count": ("个性化关怀触点触达次数", "care"),
            "claims_contact_count": ("理赔服务触点触达次数", "claims"),
            "vehicle_contact_count": ("车辆养护触点触达次数", "vehicle"),
            "win_back_contact_count": ("脱保挽回触点触达次数", "win_back"),
            "renewal_contact_count": ("续保触点触达次数", "renewal"),
            "other_contact_count": ("其他触点触达次数", "other"),
        },
        D365, unit="contacts", relation="interactions", null=NO_CONTACTS, type="int64", empty=0,
    )  # fmt: skip
    def family_contact_count(t: ir.Table, within: ir.Value, name: str) -> ir.Value:
        """Number of contacts we made at {value} touchpoints within {window}."""
        return t.count(where=within & t.outbound & (t.family == name))

    @members(
        {
            "underwriting_response_count": ("承保环节触点响应次数", "underwriting"),
            "service_response_count": ("服务使用触点响应次数", "service"),
            "care_response_count": ("个性化关怀触点响应次数", "care"),
            "claims_response_count": ("理赔服务触点响应次数", "claims"),
            "vehicle_response_count": ("车辆养护触点响应次数", "vehicle"),
            "win_back_response_count": ("脱保挽回触点响应次数", "win_back"),
            "renewal_response_count": ("续保触点响应次数", "renewal"),
            "other_response_count": ("其他触点响应次数", "other"),
        },
        D365, unit="contacts", relation="interactions", null=NO_CONTACTS, type="int64", empty=0,
    )  # fmt: skip
    def family_response_count(t: ir.Table, within: ir.Value, name: str) -> ir.Value:
        """Number of contacts we made at {value} touchpoints within {window} that the customer
        responded to."""
        return t.count(where=within & t.outbound & t.responded & (t.family == name))


@members(
    {
        "contact_delivered_count": ("触达已送达次数", "delivered"),
        "contact_read_count": ("触达已读次数", "read"),
        "contact_clicked_count": ("触达已点击次数", "clicked"),
        "contact_replied_count": ("触达已回复次数", "replied"),
        "contact_connected_count": ("触达已接通次数", "connected"),
    },
    D365, unit="contacts", relation="interactions", null=NO_CONTACTS, type="int64", empty=0,
)  # fmt: skip
def contact_result_count(t: ir.Table, within: ir.Value, result: str) -> ir.Value:
    """Number of contacts we made within {window} with the result {value}."""
    return t.count(where=within & t.outbound & (t.result == result))


@tag("上次触达方式", unit="channel", relation="interactions", type="string",
     null="we made no contact")  # fmt: skip
def last_contact_channel(t: ir.Table) -> ir.Value:
    """Channel of the last contact we made: sms 短信, wechat 微信, wecom 企业微信, phone 电话,
    app 手机应用, mail 信函 or branch 网点."""
    return t.channel.argmax(_latest(t), where=t.outbound)


@tag("上次触达触点类", unit="family", relation="interactions", type="string",
     null="we made no contact")  # fmt: skip
def last_contact_family(t: ir.Table) -> ir.Value:
    """Family of touchpoints of the last contact we made: underwriting 承保环节, service 服务使用,
    care 个性化关怀, claims 理赔服务, vehicle 车辆养护, win_back 脱保挽回, renewal 续保 or
    other 其他."""
    return t.family.argmax(_latest(t), where=t.outbound)


@tag("上次触达结果", unit="result", relation="interactions", type="string",
     null="of no contact we made is the result known")  # fmt: skip
def last_contact_result(t: ir.Table) -> ir.Value:
    """Result of the last contact we made of which it is known: sent 已发送, delivered 已送达,
    read 已读, clicked 已点击, replied 已回复, connected 已接通, no_answer 未接, refused 拒绝,
    opted_out 退订 or converted 成交."""
    return t.result.argmax(_latest(t), where=t.outbound & t.result.notnull())


@tag("各触点上次触达时间", unit="touchpoints", relation="touchpoint_contacts", type="string",
     null="we made no contact")  # fmt: skip
def touchpoints_contacted(t: ir.Table) -> ir.Value:
    """When we last made contact at each touchpoint, whoever made it; a call that nobody answered is
    none. Written `name:seconds` with the seconds since 1970, by name, with `;` between. It tells
    that a touchpoint is not due again."""
    seconds = t.last_made_at.truncate("s").epoch_seconds().cast("int64").cast("string")
    return (t.touchpoint + ":" + seconds).collect().sort().join(";")


@tag("连续未响应次数", unit="contacts", relation="interactions", null=NO_CONTACTS, type="int64",
     empty=0)  # fmt: skip
def contacts_since_last_response(t: ir.Table) -> ir.Value:
    """Number of contacts we made after the last one that the customer responded to; all of them if
    they responded to none. The measure of fatigue 疲劳度."""
    return t.count(where=t.outbound & t.since_last_response)


@tag("距上次拒绝天数", unit="days", relation="interactions", type="int64",
     null="the customer refused no contact")  # fmt: skip
def days_since_last_refusal(t: ir.Table) -> ir.Value:
    """Days since we last made a contact that the customer refused or opted out of."""
    return t.days_ago.min(where=t.outbound & t.refused)


@tag("距上次主动联系天数", unit="days", relation="interactions", type="int64",
     null="the customer never contacted us")  # fmt: skip
def days_since_last_inbound_contact(t: ir.Table) -> ir.Value:
    """Days since the customer last contacted us."""
    return t.days_ago.min(where=~t.outbound)


with GROUP.interleaved():

    @members(
        {
            "sms_opted_out": ("已退订短信", "sms"),
            "wechat_opted_out": ("已退订微信", "wechat"),
            "wecom_opted_out": ("已退订企业微信", "wecom"),
            "phone_opted_out": ("已退订电话", "phone"),
        },
        unit="yes or no", relation="interactions", null=NO_CONTACTS, type="boolean", empty=0,
    )  # fmt: skip
    def channel_opted_out(t: ir.Table, channel: str) -> ir.Value:
        """Whether the customer ever opted out in answer to a {value} contact."""
        return ((t.channel == channel) & (t.result == "opted_out")).fill_null(False).any()

    @members(
        {
            "sms_response_share_365d": ("近365天短信响应率", "sms"),
            "wechat_response_share_365d": ("近365天微信响应率", "wechat"),
            "wecom_response_share_365d": ("近365天企业微信响应率", "wecom"),
            "phone_response_share_365d": ("近365天电话响应率", "phone"),
        },
        unit="share", window="365 days", null="we made no {value} contact in the window",
    )  # fmt: skip
    def channel_response_share_365d(t: ir.Table, channel: str) -> ir.Value:
        """{value}_response_count_365d / {value}_contact_count_365d."""
        contacts = t[f"{channel}_contact_count_365d"]
        return share_of(t[f"{channel}_response_count_365d"], contacts)


@members(
    {
        "phone_inbound_count": ("电话主动联系次数", "phone"),
        "wechat_inbound_count": ("微信主动联系次数", "wechat"),
        "wecom_inbound_count": ("企业微信主动联系次数", "wecom"),
        "app_inbound_count": ("手机应用主动联系次数", "app"),
    },
    D365, unit="contacts", relation="interactions", null=NO_CONTACTS, type="int64", empty=0,
)  # fmt: skip
def channel_inbound_count(t: ir.Table, within: ir.Value, channel: str) -> ir.Value:
    """Number of times the customer contacted us by {value} within {window}."""
    return t.count(where=within & ~t.outbound & (t.channel == channel))


@family("最佳触达方式", M36, unit="channel", relation="interactions", type="string",
        null="no channel has 3 contacts in the window, one of them responded to")  # fmt: skip
def best_contact_channel(t: ir.Table, within: ir.Value) -> ir.Value:
    """Channel with the highest response share among those by which we made 3 contacts or more
    within {window}: sms 短信, wechat 微信, wecom 企业微信 or phone 电话; of equals the first in
    this order, which is the cheaper and quieter."""
    return highest(
        {
            channel: response_share(t, within & (t.channel == channel), FEWEST_CONTACTS)
            for channel in CHANNELS
        }
    )


@tag("近365天每次响应所需触达", unit="contacts", window="365 days",
     null="the customer responded to no contact in the window")  # fmt: skip
def contacts_per_response_365d(t: ir.Table) -> ir.Value:
    """contact_count_365d / contact_response_count_365d."""
    return share_of(t.contact_count_365d, t.contact_response_count_365d)


@tag("近90天绑定小程序", unit="yes or no", window="90 days", relation="customers", type="boolean",
     null="customer unknown")  # fmt: skip
def mini_program_bound_90d(t: ir.Table) -> ir.Value:
    """Whether the customer bound the mini-program within 90 days."""
    return (t.bound_days_ago < 90).fill_null(False).any()


@tag("近90天添加企业微信", unit="yes or no", window="90 days", relation="customers",
     type="boolean", null="customer unknown")  # fmt: skip
def wecom_added_90d(t: ir.Table) -> ir.Value:
    """Whether the customer added us on WeCom within 90 days."""
    return (t.added_days_ago < 90).fill_null(False).any()


@tag("小程序与企业微信均已绑定", unit="yes or no", relation="customers", type="boolean",
     null="customer unknown")  # fmt: skip
def mini_program_and_wecom(t: ir.Table) -> ir.Value:
    """Whether the customer has bound the mini-program and added us on WeCom."""
    return (t.mini_program_bound_at.notnull() & t.wecom_added_at.notnull()).any()


@tag("首个线上入口", unit="entry", relation="customers", type="string",
     null="neither bound nor added")  # fmt: skip
def first_online_entry(t: ir.Table) -> ir.Value:
    """Which the customer did first: mini_program 小程序, wecom 企业微信, or same_day 同日."""
    bound, added = t.mini_program_bound_on, t.wecom_added_on
    return ibis.cases(
        (bound.isnull() & added.isnull(), ibis.null("string")),
        (added.isnull() | (bound < added), "mini_program"),
        (bound.isnull() | (added < bound), "wecom"),
        else_="same_day",
    ).max()


@tag("同意使用位置", unit="yes or no", relation="consents", type="boolean",
     null="the customer never said, or consents are absent")  # fmt: skip
def location_consent(t: ir.Table) -> ir.Value:
    """Whether the customer's latest word on location tracks is consent."""
    return t.granted.any(where=t.purpose == "location")


@tag("已同意用途数", unit="purposes", relation="consents", type="int64",
     null="consents are absent", empty=0)  # fmt: skip
def consents_granted(t: ir.Table) -> ir.Value:
    """Number of purposes (marketing, profiling, location) to which the customer's latest word is
    consent; words on one channel alone do not count."""
    return t.count(where=t.granted & t.whole)


@tag("距上次授权变更天数", unit="days", relation="consents", type="int64",
     null="the customer never said, or consents are absent")  # fmt: skip
def days_since_last_consent_change(t: ir.Table) -> ir.Value:
    """Days since the customer last gave or withdrew a consent, also to one channel."""
    return t.days_ago.min()


@tag("各项最新授权", unit="consents", relation="consents", type="string",
     null="the customer never said, or consents are absent")  # fmt: skip
def latest_consents(t: ir.Table) -> ir.Value:
    """The customer's latest word on each purpose, and on marketing by each channel, with its time:
    what decisions read of the core system. Written `purpose:yes:seconds`, or
    `purpose.channel:no:seconds`, with the seconds since 1970, in order, with `;` between."""
    subject = t.whole.ifelse(t.purpose, t.purpose + "." + t.channel)
    seconds = t.changed_at.truncate("s").epoch_seconds().cast("int64").cast("string")
    word = t.granted.ifelse("yes", "no")
    return (subject + ":" + word + ":" + seconds).collect().sort().join(";")


def _latest(t: ir.Table) -> ir.Value:
    """Order contacts by time; of equals the greater id comes last."""
    return ibis.struct({"occurred_at": t.occurred_at, "interaction_id": t.interaction_id})
