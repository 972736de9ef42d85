"""The caps as people write them: what is shipped, what a home replaces, what is refused."""

import re
from datetime import time
from pathlib import Path

import pytest

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.errors import GuanjiaError
from serving.records.contacts.contact_caps import SHIPPED, load_contact_caps
from serving.records.tables import METADATA

ROOT = Path(__file__).parents[3]


def own(home: Path, text: str) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    (home / SHIPPED.name).write_text(text, encoding="utf-8")
    return home


def test_the_shipped_rules_are_those_promised(home: Path) -> None:
    caps = load_contact_caps(home)
    assert {name: (rule.most, rule.per) for name, rule in caps.rules.items()} == {
        "marketing_day": (1, "day"),
        "marketing_week": (2, "week"),
        "marketing_month": (4, "month"),
        "marketing_sms_month": (2, "month"),
        "marketing_phone_week": (1, "week"),
        "campaign_week": (1, "week"),
        "wecom_day": (1, "day"),
        "wecom_month": (4, "month"),
    }
    assert caps.longest_days == 31
    assert set(caps.quiet_hours) <= set(CONTACT_CHANNELS)
    labelled = [*caps.rules.values(), *caps.quiet_hours.values(), caps.cooling_off]
    assert all("一" <= one.label[0] <= "鿿" for one in labelled)


def test_a_home_replaces_single_values_adds_and_leaves_out(home: Path) -> None:
    shipped = load_contact_caps(home)
    text = """
    reservation_hours = 2
    [rules]
    wecom_day = false
    [rules.marketing_week]
    most = 3
    [rules.claims_day]
    label = "理赔触达每日上限"
    most = 2
    per = "day"
    family = "claims"
    [quiet_hours]
    app = false
    [quiet_hours.phone]
    begins = 20:00:00
    [time_zones]
    "新疆" = "Asia/Urumqi"
    """
    caps = load_contact_caps(own(home, text))
    assert caps.reservation_hours == 2
    assert list(caps.rules) == [n for n in shipped.rules if n != "wecom_day"] + ["claims_day"]
    assert caps.rules["marketing_week"].most == 3
    assert caps.rules["marketing_week"].label == shipped.rules["marketing_week"].label
    assert (caps.quiet_hours["phone"].begins, caps.quiet_hours["phone"].ends) == (time(20), time(9))
    assert "app" not in caps.quiet_hours
    assert caps.time_zones == {"新疆": "Asia/Urumqi"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[rules.marketing_week]\nmost = -1", "field rules.marketing_week.most: Input should be"),
        ("[rules.marketing_week]\nmst = 3", r"field rules.marketing_week.mst: is not known\. Did"
         r" you mean most"),
        ("[rules.marketing_weak]\nmost = 3", "rules.marketing_weak.label: is missing. Write label"),
        ("[rules.marketing_week]\nper = 'year'", "rules.marketing_week.per: year is not known. "),
        ("[rules.marketing_week]\nchannel = 'smss'", r"rules.marketing_week.channel: smss is not"
         r" known\. Did you mean sms"),
        ("[rules.marketing_week]\nfamily = 'claim'", r"rules.marketing_week.family: claim is not"
         r" known\. Did you mean claims"),
        ("[rules.marketing_week]\npurpose = 'sales'", r"marketing_week.purpose: sales is not"
         r" known\. Use one of marketing, service"),
        ("[rules]\nmarketing_weak = false", r"rules.marketing_weak: is left out, but does not"
         r" exist\. Did you mean marketing_week"),
        ("[rules]\nmarketing_week = 3", "field rules.marketing_week: is no table of fields. Write"),
        ("[quiet_hours.sms]\nbegins = 09:00:00", "field quiet_hours.sms: quiet hours that begin"),
        ("[quiet_hours.sms]\nbegins = 'late'", "field quiet_hours.sms.begins: Input should be"),
        ("[quiet_hours.fax]\nlabel='传真'\nbegins=21:00:00\nends=09:00:00", r"field"
         r" quiet_hours.fax: fax is not known\. Use one of"),
        ("[cooling_off]\nrefused_days = 3651", "field cooling_off.refused_days: Input should be"),
        ("[cooling_off]\nrefuse_days = 3", r"cooling_off.refuse_days: is not known\. Did you mean"
         r" refused_days"),
        ("[time_zones]\n'新疆' = 'Asia/Urumchi'", r"time_zones.新疆: Asia/Urumchi is not known\."
         r" Did you mean Asia/Urumqi"),
        ("reservation_hours = 0", "field reservation_hours: Input should be"),
        ("[rule.x]\nmost = 1", r"field rule: is not known\. Did you mean rules"),
        ("reservation_hours = ", "is not valid TOML"),
    ],
)  # fmt: skip
def test_a_fault_names_file_rule_and_field(home: Path, text: str, fault: str) -> None:
    with pytest.raises(GuanjiaError, match=fault) as error:
        load_contact_caps(own(home, text))
    assert str(home / SHIPPED.name) in error.value.thing


def test_the_example_of_the_document_is_one(home: Path) -> None:
    text = (ROOT / "docs" / "records.md").read_text(encoding="utf-8")
    examples = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (example,) = (example for example in examples if "marketing_week" in example)
    caps = load_contact_caps(own(home, example))
    assert (caps.reservation_hours, caps.rules["marketing_week"].most) == (4, 3)
    assert "wecom_day" not in caps.rules


def test_the_document_names_every_table() -> None:
    text = (ROOT / "docs" / "records.md").read_text(encoding="utf-8")
    tables = METADATA.sorted_tables
    assert [t.name for t in tables if f"- `{t.name}` {t.info['label']}: " not in text] == []
