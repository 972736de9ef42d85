"""The catalogue of touchpoints: what is shipped, what a home changes, what is refused."""

import tomllib
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.contracts.vocabulary import CHANNELS, CONTACT_CHANNELS
from features.errors import GuanjiaError
from features.tags.groups.life_cycle import STAGES
from features.tags.relations.touchpoint_families import FAMILIES, TOUCHPOINTS
from serving.touchpoints import catalogue as touchpoints
from serving.touchpoints import fields
from serving.touchpoints.catalogue import Catalogue, load_touchpoints, shipped_touchpoints
from serving.touchpoints.document import render

PAGE = Path(__file__).parents[2] / "docs" / "touchpoints.md"
OWN = """
[vehicle_tyre_change]
label = "换胎提醒"
english = "Tyre change"
family = "vehicle"
loop = "stickiness"
purpose = { chinese = "提醒换季换胎。", english = "Remind of winter tyres." }
orientation = { chinese = "安全出行。", english = "Safe roads." }
strategy = { chinese = "只提醒。", english = "Remind only." }
kind = "marketing"
consent = "marketing"
uses_profile = false
role = "service"
channels = ["wechat"]

[vehicle_tyre_change.trigger]
by = "system"
condition = "vehicle_kind = 'car'"
window = { tag = "days_since_first_registration", first = 100, last = 120 }
once_per = "year"

[vehicle_tyre_change.script]
default = { chinese = "{customer}, 该换胎了。", english = "{customer}, change tyres." }
"""


def own(home: Path, text: str) -> Catalogue:
    home.mkdir(parents=True, exist_ok=True)
    (home / "touchpoints.toml").write_text(text, encoding="utf-8")
    return load_touchpoints(home)


def test_the_papers_touchpoints_are_shipped_and_no_other(home: Path) -> None:
    found = load_touchpoints(home)
    assert {
        family: tuple(name for name, one in found.touchpoints_for().items() if one.family == family)
        for family in FAMILIES
    } == TOUCHPOINTS
    assert found.names == [name for names in TOUCHPOINTS.values() for name in names]


def test_what_people_read_is_in_chinese() -> None:
    shipped = shipped_touchpoints().touchpoints_for().values()
    assert len({one.label for one in shipped}) == len(shipped)
    for one in shipped:
        spoken = [
            part for scripts in one.script.values() for script in scripts for part in script.parts
        ]
        words = [one.purpose, one.orientation, one.strategy, *spoken]
        said = [one.label, *(word.chinese for word in words)]
        assert all(any("一" <= letter <= "鿿" for letter in text) for text in said)
        assert not any("一" <= letter <= "鿿" for word in words for letter in word.english)


def test_words_are_those_of_the_tables() -> None:
    assert get_args(fields.Channel) == CONTACT_CHANNELS
    assert get_args(fields.SalesChannel) == CHANNELS
    assert get_args(fields.Stage) == tuple(STAGES)
    assert get_args(fields.Family) == tuple(FAMILIES)


def test_marketing_by_sms_ends_with_the_opt_out_and_service_does_not() -> None:
    catalogue = shipped_touchpoints()
    for one in catalogue.touchpoints_for().values():
        for script in catalogue.scripts(one, "sms"):
            assert script.chinese.endswith("拒收请回复R") == (one.kind == "marketing")
            assert script.english.endswith("Reply R to opt out.") == (one.kind == "marketing")


def test_a_cost_is_the_channels_unless_the_touchpoint_says_otherwise(home: Path) -> None:
    found = own(home, "[birthday]\ncosts = { phone = 6 }\n")
    birthday, renewal = found.touchpoints_for()["birthday"], found.touchpoints_for()["renewal_60d"]
    assert found.cost(birthday, "phone") == 6
    assert found.cost(renewal, "phone") == Decimal("3.5")
    assert found.cost(birthday, "sms") == Decimal("0.05")


def test_of_several_star_rules_the_highest_met_counts() -> None:
    one = shipped_touchpoints().touchpoints_for()["renewal_60d"]
    assert [one.channels_for(star)[0] for star in (None, 1, 2, 3, 4, 5)] == [
        "wecom", "wecom", "wecom", "wecom", "phone", "phone",
    ]  # fmt: skip
    assert [one.service_for(star) for star in (None, 2, 3, 5)] == [
        "standard", "standard", "priority", "steward",
    ]  # fmt: skip


def test_who_makes_the_contact_follows_from_the_channel_that_sold() -> None:
    steward = shipped_touchpoints().shared.roles.steward
    assert steward("sales", "direct") == steward("service", "direct") == "steward"
    for channel in (*CHANNELS[1:], None):
        assert steward("sales", channel) == "sales_steward"
        assert steward("service", channel) == "service_steward"


def test_a_home_adds_changes_and_leaves_out(home: Path) -> None:
    shipped = shipped_touchpoints()
    changed = "battery_care = false\n" + OWN + "[renewal_60d.trigger.window]\nfirst = 75\n"
    found = own(home, changed)
    assert found.names == [n for n in shipped.names if n != "battery_care"] + [
        "vehicle_tyre_change"
    ]
    window = found.touchpoints_for()["renewal_60d"].trigger.window
    assert window is not None
    assert (window.tag, window.first, window.last) == ("days_to_unrenewed_expiry", 75, 31)
    assert found.touchpoints_for()["renewal_30d"] == shipped.touchpoints_for()["renewal_30d"]
    # What is left out is a candidate nowhere.
    assert "battery_care" not in found.candidates_at("app_open")
    assert "battery_care" in shipped.candidates_at("app_open")
    assert "vehicle_tyre_change" in found.candidates_at("daily_batch")


def test_a_branch_has_the_last_word_before_the_stage_the_home_and_what_is_shipped(
    home: Path,
) -> None:
    found = own(
        home,
        """
        [birthday]
        channels = ["mail"]
        role = "sales"
        [stage.trust.birthday]
        channels = ["phone"]
        uses_profile = false
        [branch.B01.birthday]
        channels = ["mail"]
        """,
    )

    def resolved(branch: str | None, stage: str | None) -> tuple[object, ...]:
        one = found.touchpoints_for(branch, stage)["birthday"]
        return one.channels[0], one.role, one.uses_profile, one.loop

    assert resolved(None, None) == ("mail", "sales", True, "stickiness")
    assert resolved("B02", "entry") == ("mail", "sales", True, "stickiness")
    assert resolved(None, "trust") == ("phone", "sales", False, "stickiness")
    assert resolved("B01", None) == ("mail", "sales", True, "stickiness")
    assert resolved("B01", "trust") == ("mail", "sales", False, "stickiness")


def test_a_stage_leaves_out_and_a_branch_takes_up_again(home: Path) -> None:
    found = own(
        home,
        """
        [stage.entry]
        birthday = false
        [branch.B01]
        holiday = false
        [branch.B02.birthday]
        channels = ["sms"]
        """,
    )
    assert found.find("birthday", stage="entry") is None
    assert found.find("holiday", branch="B01") is None
    assert found.find("holiday", branch="B02") is not None
    again = found.find("birthday", branch="B02", stage="entry")
    assert again is not None
    assert again.channels == ("sms",)
    assert {"birthday", "holiday"} & set(found.touchpoints_for("B01", "entry")) == set()


def test_a_window_gives_way_to_months(home: Path) -> None:
    changed = "[new_car_care.trigger]\nwindow = false\nmonths = [3]\n"
    trigger = own(home, changed).touchpoints_for()["new_car_care"].trigger
    assert trigger.window is None
    assert trigger.months == (3,)


def test_an_entry_that_is_shared_can_be_left_out(home: Path) -> None:
    found = own(home, "[holidays]\nlabour_day = false\n")
    assert "labour_day" not in found.shared.holidays
    assert "spring_festival" in found.shared.holidays


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (("vehicle_kind = 'car'", "vehicle_kin = 'car'"),
         r"touchpoint vehicle_tyre_change, field trigger\.condition: column vehicle_kin is not "
         r"known\. Did you mean vehicle_kind"),
        (("vehicle_kind = 'car'", "age_years > 'old'"), r"trigger\.condition: condition compares"),
        (("purpose =", "purpos ="), r"field purpos: is not known\. Did you mean purpose"),
        (('label = "换胎提醒"', ""), r"field label: is missing\. Write label = "),
        (("first = 100", "frist = 100"),
         r"field trigger\.window\.frist: is not known\. Did you mean first"),
        (("first = 100", "first = 130"), r"field trigger\.window: ends before it begins"),
        (("days_since_first_registration", "vehicle_age_years"),
         r"field trigger\.window: vehicle_age_years is no tag that counts days"),
        (('["wechat"]', '["wechatt"]'), r"field channels number 1: wechatt is not known\. Did"
         r" you mean wechat"),
        (('consent = "marketing"', 'consent = "none"'), "marketing needs consent to marketing"),
        (("{customer}, 该", "{custmer}, 该"), r"field script\.default: uses custmer in one"),
        (("{customer}", "{custmer}"),
         r"field script: names custmer, which is not there\. Did you mean customer"),
        (("{customer}, 该", "{customer.name}, 该"), r"script\.default: may use \{name\} alone"),
        (("role =", 'models = ["renewal"]\nrole ='), "turns on a model, so it uses the profile"),
        (("uses_profile = false", 'uses_profile = true\nmodels = ["renewl"]'),
         r"field models: names renewl, which is not there\. Did you mean renewal"),
        (("role =", 'offers = ["roadside"]\nrole ='),
         r"field offers: names roadside, which is not there\. Did you mean roadside_rescue"),
        (('by = "system"', 'by = "system"\nevents = ["claim_report"]'),
         r"field trigger\.events: names claim_report, which is not there\. Did you mean claim_rep"),
        (('by = "system"', 'by = "system"\nmonths = [1]'), "more than one of window, months and"),
        (('by = "system"', 'by = "system"\nhours = [20, 9]'), "field trigger: has no hours"),
        (("default =", "phone ="), "has no script for wechat, and no default"),
        (("[vehicle_tyre_change]", "vehicle_tyre = 3\n[vehicle_tyre_change]"),
         "is no table of fields"),
        (("vehicle_tyre_change", "tyre_change"), r"by its field alone\. Call it vehicle_tyre_ch"),
        (("vehicle_tyre_change", "Tyre-change"), "has a name that commands cannot take"),
        (("[vehicle_tyre_change]", "birthdy = false\n[vehicle_tyre_change]"),
         r"touchpoint birthdy: is left out, but does not exist\. Did you mean birthday"),
        (("[vehicle_tyre_change]", '[birthday]\nfamily = "vehicle"\n[vehicle_tyre_change]'),
         "touchpoint birthday, field family: is not that of the shipped touchpoint"),
        (("[vehicle_tyre_change]", "[branch.B01.birthdy]\n[vehicle_tyre_change]"),
         r"branch B01, touchpoint birthdy: is not known\. Did you mean birthday"),
        (("[vehicle_tyre_change]", "[stage.begin.birthday]\n[vehicle_tyre_change]"),
         r"stage begin: is not known\. Use one of entry, stickiness, trust"),
        (("[vehicle_tyre_change]", "[stage.trust.birthday]\nlabell = '生'\n[vehicle_tyre_change]"),
         r"stage trust, touchpoint birthday, field labell: is not known\. Did you mean label"),
        (("[vehicle_tyre_change]", "[decision_points.app_open]\ntouchpoints = ['birthdy']\n"
          "[vehicle_tyre_change]"), r"decision point app_open, field touchpoints: names birthdy"),
        (("[vehicle_tyre_change]", "[costs]\nphone = -1\n[vehicle_tyre_change]"),
         r"field costs\.phone: Input should be greater"),
        (("[vehicle_tyre_change]", "[roles]\ntogether = []\n[vehicle_tyre_change]"),
         "field roles: together and apart must name each of direct"),
        (("[vehicle_tyre_change]", "[variables.plate]\ntag = 'plat'\n[vehicle_tyre_change]"),
         "variable plate, field tag: names plat, which is not there"),
        (("[vehicle_tyre_change]", "[vehicle_tyre_change"), "touchpoints.toml: is not valid TOML"),
    ],
)  # fmt: skip
def test_a_fault_names_file_touchpoint_and_field(
    home: Path, line: tuple[str, str], fault: str
) -> None:
    text = OWN.replace(*line)
    assert text != OWN
    with pytest.raises(GuanjiaError, match=fault) as error:
        own(home, text)
    assert "touchpoints.toml" in error.value.thing


def places(table: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where something is said, in tables and below."""
    for key, value in table.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from places(value, (*above, key))


SHIPPED = tomllib.loads(touchpoints.SHIPPED.read_text(encoding="utf-8"))


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(list(places(SHIPPED))),
    st.sampled_from([3, -1, "x", "", True, False, [], ["x"], {}, {"x": 1}]),
)
def test_whatever_a_home_says_is_taken_or_refused_by_name(
    place: tuple[str, ...], value: object
) -> None:
    own: Any = value
    for key in reversed(place):
        own = {key: own}
    with suppress(GuanjiaError):
        touchpoints._catalogue(Path("touchpoints.toml"), own)


def test_nothing_outside_the_contract_is_promised(home: Path) -> None:
    gift = """
    [offers.oil_card]
    label = "加油卡"
    english = "Fuel card"
    kind = "gift"
    within_contract = false
    cost = 200
    redeem_probability = 0.9
    """
    assert not own(home, gift).shared.offers["oil_card"].within_contract
    with pytest.raises(GuanjiaError, match=r"field offers: promises oil_card: Insurance Law art"):
        own(home, gift + '[renewal_30d]\noffers = ["oil_card"]\n')
    with pytest.raises(GuanjiaError, match=r"offers\.oil_card: is within the contract: name the"):
        own(home, gift.replace("false", "true"))


def test_a_name_that_is_not_there_is_answered_with_the_nearest() -> None:
    with pytest.raises(
        GuanjiaError, match=r"touchpoint birthdy: is not known\. Did you mean birth"
    ):
        shipped_touchpoints().find("birthdy")
    with pytest.raises(GuanjiaError, match=r"decision point app_opn: is not known\. Did you mean"):
        shipped_touchpoints().candidates_at("app_opn")


def test_the_page_is_current() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert render(page) == page, "run `make docs`"
    assert all(f"#### `{name}`" in page for name in shipped_touchpoints().names)


def test_a_home_s_own_page_has_what_it_adds_and_says_what_differs(home: Path) -> None:
    page = render("", own(home, "battery_care = false\n[branch.B01]\nholiday = false\n" + OWN))
    assert "#### `vehicle_tyre_change` 换胎提醒" in page
    assert "- At branch B01: left out." in page
    assert "- At stage entry: other channels." in page
    assert "battery_care" not in page
