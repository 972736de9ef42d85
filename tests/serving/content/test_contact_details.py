"""Contact details: found however they are written; what is the sender's own, and nothing else."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.content.check import load_content_check
from serving.content.settings import Sender, shipped_settings

SENDER = Sender(
    insurer="安途财险", signature="安途车险", phones=("95300", "139-0000-1111", "021-61234567"),
    addresses=("antu.example",))  # fmt: skip
GATE = load_content_check(Path("no home"))


def found(text: str) -> dict[str, str]:
    """Severity of each detail that was found, by its label."""
    details = shipped_settings().patterns
    return {one.label: one.severity for one in GATE.search(text, SENDER) if one.rule in details}


@pytest.mark.parametrize(
    ("text", "label"),
    [
        # between the digits: marks, emoji, lines, words
        ("电话139-0001-2233", "手机号码"),
        ("电话1🚗3🚗9🚗0🚗0🚗0🚗1🚗2🚗2🚗3🚗3", "手机号码"),
        ("1\n3\n9\n0\n0\n0\n1\n2\n2\n3\n3", "手机号码"),
        ("139......0001______2233", "手机号码"),
        ("打139转0001转2233", "手机号码"),
        ("139到0001和2233", "手机号码"),
        ("(139)(0001)(2233)", "手机号码"),
        ("前三位139，中间0001，后四位2233", "手机号码"),
        ("1. 13900012233，24小时", "手机号码"),
        ("+86 13900012233", "手机号码"),
        # other digits
        ("1３九〇零零➀②❷㈢3️⃣", "手机号码"),
        ("壹參玖零零零壹貳貳參參", "手机号码"),
        ("𝟏𝟑𝟗𝟎𝟎𝟎𝟏𝟐𝟐𝟑𝟑", "手机号码"),
        ("幺三勾洞洞洞幺两两三三", "手机号码"),
        ("l39OOOl2233", "手机号码"),
        ("电话l39-OOOl-2233li", "手机号码"),
        ("零五七一，八七六五，四三二一", "固定电话"),
        ("4oo-l23-4567", "固定电话"),
        ("咨询电话96588，24小时", "服务热线"),
        ("卡号6222转0212转3456转7890转123", "银行账号"),
        # accounts
        ("微|信|号|carking01", "微信号"),
        ("v.x.c.a.r.k.i.n.g.0.1", "微信号"),
        ("+v：carking01", "微信号"),
        ("➕🛰️ carking01", "微信号"),
        ("carking01是我的微信", "微信号"),
        ("Q-Q:1·2·3·4·5·6·7·8·9", "QQ号"),
        ("🐧 1 2 3 4 5 6", "QQ号"),
        ("ＱＱ幺两三四五六", "QQ号"),
        # addresses: any top level, any scheme, none
        ("见evil.zone/a", "网址链接"),
        ("见evil.travel", "网址链接"),
        ("见t.cn/A6x", "网址链接"),
        ("见suo.im/5x", "网址链接"),
        ("打开weixin://dl/business", "网址链接"),
        ("打开 alipays : // platformapi", "网址链接"),
        ("打开//evil/a", "网址链接"),
        (r"打开http:\\evil", "网址链接"),
        ("h t t p s : / / e v i l . t o p", "网址链接"),
        ("hxxps[:]//evil", "网址链接"),
        ("evil🚗.🚗com", "网址链接"),
        ("e.v.i.l.c.o.m", "网址链接"),
        ("evil·com", "网址链接"),
        ("evil小数点cn", "网址链接"),
        ("evil(dot)com", "网址链接"),
        ("车险.网址", "网址链接"),
        ("evil.中国/q", "网址链接"),
        ("xn--fiq228c.com", "网址链接"),
        ("203。0。113。9", "网址链接"),
        ("boss＠ｅｖｉｌ．ｃｏｍ", "电子邮箱"),
        ("¥aB3xK9q¥", "分享口令"),
        ("电话\u202e33221000931\u202c", "隐藏排版"),
    ],
)
def test_a_detail_is_found_however_it_is_written(text: str, label: str) -> None:
    assert label in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "官网 аntu.example",  # Cyrillic а
        "官网 antս.example",  # Armenian ս
        "官网 ոantu.example",
        "官网 ant\u0131u.example",
        "官网 xn--ntu-5cd.example",
        "官网 antu-example.com",
        "官网 antu.example.evil.top",
        "官网 antu.example 。evil.cn",
        "官网 https://antu.example@evil.ru",
        "官网 https://antu.example＠evil.ru",
        "官网 antu.example/?to=evil.cn",
        "官网 antu\u200d.example",
        "写信 a@аntu.example",
    ],
)
def test_what_looks_like_the_senders_own_address_is_another(text: str) -> None:
    assert {"网址链接", "电子邮箱"} & set(found(text))


@pytest.mark.parametrize(
    "text",
    [
        "官网antu.example, m.antu.example/a?b=c#d, HTTPS://M.ANTU.EXAMPLE:443/",
        "官网ａｎｔｕ．ｅｘａｍｐｌｅ，https://www.antu.example。谢谢, 写信service@antu.example",
        "拨打95300转3, 139 0000 1111或+86-139-0000-1111, 021-61234567转801",
        "V2.0版, 3.5万, 2.0T, 3.5km, No.12, 5.5kWh, p.m., 保单.pdf, 车险.保障, 版本3.5.1.2",
        "下载APP。VIP客户可用ETC。TOP3网点见首页，Mr.Wang",
        "2026-12-21 00:00至2027-12-20 24:00, 08:30-20:00 12:00-13:30 17:30",
        "可选100/150/200/300万, 保费13,800.00-15,000.00元, 轮胎185/60 R15 88H",
        "保单PDZA202631010000012345, 车架号LSVAA4182E2184847, 案件TS2026112900123",
        "企业微信工作日9:00-18:00在线, 微信支付APP, 请关注微信公众号",
        "Your policy ends at 5 p.m. on 20 July. Come to us. See the app. No. 7.",
        "12123, 12378, 110, 122; 周一至周六8:30到17:00",
    ],
)
def test_what_is_the_senders_own_or_no_detail_passes(text: str) -> None:
    assert found(text) == {}


BETWEEN = st.text(st.sampled_from(" \u200b\u2060\n-_~·|+…😀\u3000，、=☆"), max_size=3)
DIGITS = ["0〇零⓪", "1一①❶幺", "2二②❷", "3三③❸叁", "9九⑨❾"]


@given(st.data())
def test_no_disguise_gets_a_number_through(data: st.DataObject) -> None:
    said = "号码"
    for digit in "13900012233":
        forms = next(forms for forms in DIGITS if digit in forms)
        said += data.draw(st.sampled_from(forms)) + data.draw(BETWEEN)
    assert "手机号码" in found(said)
