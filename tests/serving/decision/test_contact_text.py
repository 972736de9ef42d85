"""What a contact says: the text fits its channel and place, and names only what is known."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from features.errors import GuanjiaError
from serving.content.check import ContentCheck
from serving.content.settings import shipped_settings
from serving.decision.candidates import Candidate
from serving.decision.contact_text import ContactText, ContactTexts, Speech
from serving.decision.text_page import (
    CHANNEL_ORDER,
    DAY,
    READERS,
    SENDER,
    candidate_of,
    channels_of,
    render,
    values_of,
)
from serving.touchpoints.catalogue import load_touchpoints, shipped_touchpoints
from serving.touchpoints.details import detail_values
from serving.touchpoints.occasions import load_occasions
from serving.touchpoints.scripts import Wording

PAGE = Path(__file__).parents[3] / "docs" / "texts.md"
CATALOGUE = shipped_touchpoints()
TEXTS = ContactTexts(CATALOGUE, Path("no home"), SENDER)
OCCASIONS = load_occasions(CATALOGUE.shared, Path("no home"))
KNOWN, TWO_CARS, UNKNOWN = READERS


def every_text() -> list[tuple[Candidate, ContactText]]:
    """What the shipped catalogue says: every touchpoint, channel, opening and reader."""
    said = []
    places = [None, *(name for name, at in CATALOGUE.shared.decision_points.items() if at.openings)]
    for name, touchpoint in CATALOGUE.touchpoints_for().items():
        for channel in channels_of(CATALOGUE, name, touchpoint):
            for offer in (None, *touchpoint.offers[:1]):
                candidate = candidate_of(CATALOGUE, name, touchpoint, channel, offer)
                for place in places:
                    for reader in READERS:
                        speech = Speech(
                            place,
                            DAY,
                            details=reader.details,
                            values=values_of(touchpoint),
                            occasions=OCCASIONS,
                        )
                        text = TEXTS.text(candidate, reader.tags, speech)
                        if isinstance(text, ContactText):
                            said.append((candidate, text))
    return said


def say(
    name: str, channel: str, reader: object = KNOWN, place: str | None = None
) -> ContactText | list[str]:
    candidate = Candidate(name, name, "", "service", channel, 0.0)
    return TEXTS.text(candidate, reader.tags, Speech(place, DAY, details=reader.details))  # type: ignore[attr-defined]


def test_every_text_may_be_sent_as_it_is() -> None:
    """Nothing shipped is held back by our own content check, by any channel and for anybody."""
    check = ContentCheck(shipped_settings())
    texts = every_text()
    assert len(texts) > 1_000
    for message, channel, kind, phones in {
        (text.message, candidate.channel, candidate.kind, text.phones) for candidate, text in texts
    }:
        verdict = check.check(message, channel=channel, kind=kind, sender=SENDER, phones=phones)
        assert verdict.allowed, (message, [finding.english for finding in verdict.findings])


def test_every_text_fits_its_channel() -> None:
    seen = set()
    for candidate, text in every_text():
        seen.add(candidate.channel)
        whole = text.message + text.english
        assert "{" not in whole
        assert "None" not in whole
        assert ("【" in whole) == (candidate.channel == "sms")
        assert (text.title is not None) == (text.button is not None) == (candidate.channel == "app")
        if candidate.channel == "phone":
            assert "管家车险" in text.chinese
            assert "点击" not in text.chinese
        if candidate.offer:
            assert candidate.offer.label in text.chinese
        if candidate.kind == "marketing" and candidate.channel == "sms":
            assert text.chinese.endswith("拒收请回复R")
    assert seen == set(CHANNEL_ORDER) - {"mail", "branch"}


def test_a_text_whose_variables_are_not_known_is_not_used() -> None:
    quoted = say("renewal_30d", "sms")
    assert isinstance(quoted, ContactText)
    assert quoted.chinese == (
        "【管家车险】王女士您好，京A***34的保险还有21天到期，续保报价3,218.50元，"
        "明细可在官方小程序查看。拒收请回复R"
    )
    unquoted = say("renewal_30d", "sms", TWO_CARS)
    assert isinstance(unquoted, ContactText)
    assert "报价已" not in unquoted.chinese
    assert "可在官方小程序获取续保报价" in unquoted.chinese
    # Who the account manager is cannot be said without a name and a number.
    assert say("account_manager_notice", "sms", UNKNOWN) == ["manager", "manager_phone"]
    assert say("account_manager_notice", "wecom", TWO_CARS) == ["manager_phone"]
    assert say("quote_reached", "phone", TWO_CARS) == ["premium_quoted"]


def test_the_holiday_is_that_of_the_day_of_the_contact() -> None:
    def greet(day: date) -> ContactText | list[str]:
        speech = Speech(None, day, details=KNOWN.details, occasions=OCCASIONS)
        return TEXTS.text(
            Candidate("holiday", "", "care", "marketing", "sms", 0.0), KNOWN.tags, speech
        )

    before = greet(DAY)
    assert isinstance(before, ContactText)
    assert "国庆节将至" in before.chinese
    assert greet(DAY - timedelta(1)) == ["occasion"]


def test_without_a_sender_nothing_is_signed() -> None:
    texts = ContactTexts(CATALOGUE, Path("no home"))
    candidate = Candidate("renewal_7d", "", "renewal", "marketing", "sms", 0.0)
    assert texts.text(candidate, KNOWN.tags, Speech(None, DAY, details=KNOWN.details)) == [
        "signature"
    ]


def test_what_the_caller_says_comes_first() -> None:
    candidate = Candidate("birthday", "", "care", "marketing", "wecom", 0.0)
    values = {"customer": "王老师", "manager": "李经理"}
    text = TEXTS.text(candidate, KNOWN.tags, Speech(None, DAY, None, KNOWN.details, values))
    assert isinstance(text, ContactText)
    assert text.chinese.startswith("王老师您好，我是管家车险客户经理李经理。")


def test_who_called_us_is_not_introduced_to() -> None:
    called, chat = (
        say("renewal_7d", channel, place=place)
        for channel, place in (("phone", "call_in"), ("wecom", "wecom_chat"))
    )
    assert isinstance(called, ContactText)
    assert isinstance(chat, ContactText)
    assert called.chinese.startswith("感谢您致电管家车险。京A***34的保险还有21天到期")
    assert chat.chinese.startswith("王女士，京A***34的保险")


@pytest.mark.parametrize(
    ("touchpoint", "plate", "claim"),
    [
        ("renewal_30d", "renewing", "reported"),
        ("thanks_and_policy_notice", "signed", "reported"),
        ("win_back_1m", "ended", "reported"),
        ("survey_satisfaction", "only", "surveyed"),
        ("payment_confirmation", "only", "paid"),
        ("claims_satisfaction", "only", "closed"),
    ],
)
def test_which_car_and_which_claim_a_touchpoint_means(
    touchpoint: str, plate: str, claim: str
) -> None:
    details = {
        "plate_to_renew": "renewing",
        "plate_signed": "signed",
        "plate_ended": "ended",
        "plate_insured": "only",
        **{f"claim_{step}": step for step in ("reported", "surveyed", "paid", "closed")},
        "amount_paid": "12.50",
    }
    declared = CATALOGUE.find(touchpoint)
    assert declared is not None
    values = detail_values(details, declared, CATALOGUE.shared)
    assert values["plate"][:2] == plate[:2]
    assert values["claim_number"] == claim
    assert values["amount_paid"] == (12.5 if claim == "paid" else None)


def test_a_code_of_the_core_system_is_no_word_for_a_customer() -> None:
    declared = CATALOGUE.find("entitlement_notice")
    assert declared is not None

    def named(packed: str | None) -> object:
        return detail_values({"entitlements": packed}, declared, CATALOGUE.shared)["entitlements"]

    assert named("chauffeur=1;roadside=2") == Wording(
        "代为驾驶1次、道路救援2次", "designated driver (1), roadside rescue (2)"
    )
    assert named("洗车=3") == Wording("洗车3次", "洗车 (3)")
    assert named("SVC_017=1") is None
    assert named(None) is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (
            '[decision_points.app_open]\ntouchpoints = ["birthday"]',
            "birthday: has no words for app",
        ),
        (
            '[decision_points.call_in]\ntouchpoints = ["thanks_and_policy_notice"]\n'
            "[thanks_and_policy_notice.script]\n"
            'phone = { chinese = "见{link}", english = "{link}" }',
            "reads a link out on the phone",
        ),
        (
            '[birthday.script]\nwecom = { chinese = "【{company}】", english = "{company}" }',
            "signs its script for wecom",
        ),
        (
            '[birthday.script]\napp = { chinese = "好", english = "hi" }',
            "without title and button",
        ),
        ("[birthday.script]\nwecom = []", "empty list of scripts for wecom"),
        (
            '[decision_points.kiosk]\nlabel = "柜"\nenglish = "Kiosk"\ntouchpoints = "all"\n'
            "inbound = true",
            "say by which channels we answer",
        ),
    ],
)
def test_a_catalogue_that_cannot_be_said_is_refused(home: Path, text: str, named: str) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "touchpoints.toml").write_text(text, encoding="utf-8")
    with pytest.raises(GuanjiaError, match=named):
        load_touchpoints(home)


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == render()


def test_a_home_that_does_not_say_who_sends_is_told_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ContactTexts(shipped_touchpoints(), tmp_path)
    assert f"{tmp_path / 'content.toml'} has no [sender]" in caplog.text
