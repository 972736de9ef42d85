"""Name the values that columns of raw tables may hold, with their Chinese labels.

Separate from the contracts, because those import Ibis.
"""

MOTOR_LINES = ("motor_compulsory", "motor_commercial")
NON_MOTOR_LABELS = {"accident": "意外险", "health": "健康险", "household": "家财险"}
NON_MOTOR_LINES = tuple(NON_MOTOR_LABELS)
LINES = (*MOTOR_LINES, *NON_MOTOR_LINES, "other")
CHANNEL_LABELS = {
    "direct": "直销",
    "telephone": "电销",
    "online": "网销",
    "agent": "代理",
    "broker": "经纪",
    "dealer": "车商",
}
CHANNELS = tuple(CHANNEL_LABELS)
CONTACT_CHANNEL_LABELS = {
    "sms": "短信",
    "wechat": "微信",
    "wecom": "企业微信",
    "phone": "电话",
    "app": "手机应用",
    "mail": "信函",
    "branch": "网点",
}
CONTACT_CHANNEL_NAMES = {
    "sms": "text message",
    "wechat": "WeChat",
    "wecom": "WeCom",
    "phone": "phone",
    "app": "the app",
    "mail": "letter",
    "branch": "a visit to the branch",
}
"""How English sentences say a contact channel: contact by ..."""
CONTACT_CHANNELS = tuple(CONTACT_CHANNEL_LABELS)
CONTACT_RESULT_LABELS = {
    "sent": "已发送",
    "delivered": "已送达",
    "read": "已读",
    "clicked": "已点击",
    "replied": "已回复",
    "connected": "已接通",
    "no_answer": "未接",
    "refused": "拒绝",
    "opted_out": "退订",
    "converted": "成交",
}
CASE_LABELS = {"survey": "回访", "complaint": "投诉"}
TOPIC_LABELS = {
    "claims": "理赔",
    "service": "服务",
    "sales": "销售",
    "price": "价格",
    "underwriting": "承保",
}
TELEPHONE = r"^\+?[0-9]([ ()/-]*[0-9]){5,19}$"
"""A telephone number as it can be dialled."""
