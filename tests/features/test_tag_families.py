"""Families of tags: one function, many tags, every name in the open."""

from typing import Any

import ibis
import ibis.expr.types as ir
import pytest

from features.contracts.vocabulary import CHANNEL_LABELS, NON_MOTOR_LABELS
from features.stars.entitlement_years import CLASSES
from features.tags.catalogue import catalogue
from features.tags.declare import D90, D365, Tag, TagGroup
from features.tags.relations.claims_standards import STEPS
from features.tags.relations.day_parts import PARTS
from features.tags.relations.touchpoint_families import FAMILIES, OTHER

ROWS = ibis.memtable(
    {"channel": ["sms", "sms", "phone", "phone", "phone"], "days_ago": [1, 200, 1, 2, 100]}
)
BY_CHANNEL = {"sms_count": ("短信次数", "sms"), "phone_count": ("电话次数", "phone")}


def declared(*windows: Any) -> TagGroup:
    group = TagGroup("tiny", "小组")

    def counted(t: ir.Table, *rest: Any) -> ir.Value:
        """Number of {value} contacts within {window}."""
        *within, channel = rest
        return (
            t.count(where=(t.channel == channel) & within[0])
            if within
            else t.count(where=t.channel == channel)
        )

    group.members(BY_CHANNEL, *windows, unit="contacts", null="no {value} contact")(counted)
    return group


def value_of(tag: Tag) -> Any:
    return ROWS.aggregate(x=tag.expression(ROWS)).execute()["x"][0]


def test_each_member_has_its_words_and_its_value() -> None:
    tags = declared().tags
    assert list(tags) == ["sms_count", "phone_count"]
    assert [value_of(tag) for tag in tags.values()] == [2, 3]
    phone = tags["phone_count"]
    assert (phone.label, phone.null, phone.window) == ("电话次数", "no phone contact", "as of")
    assert phone.definition == "Number of phone contacts within as of."


def test_each_member_has_a_tag_for_each_window() -> None:
    tags = declared(D90, D365).tags
    assert {name: value_of(tag) for name, tag in tags.items()} == {
        "sms_count_90d": 1,
        "sms_count_365d": 2,
        "phone_count_90d": 2,
        "phone_count_365d": 3,
    }
    last = tags["phone_count_365d"]
    assert (last.label, last.window) == ("近365天电话次数", "365 days")
    assert last.definition == "Number of phone contacts within 365 days."


def test_families_take_turns() -> None:
    group = TagGroup("tiny", "小组")
    with group.interleaved():
        for ending in ("made", "answered"):
            names = {f"{one}_{ending}": (one, one) for one in ("sms", "phone")}

            @group.members(names, unit="contacts")
            def counted(t: ir.Table, channel: str) -> ir.Value:
                """Contacts by {value}."""
                return t.count(where=t.channel == channel)

    assert list(group.tags) == ["sms_made", "sms_answered", "phone_made", "phone_answered"]


def declare_uneven(group: TagGroup) -> None:
    with group.interleaved():
        for names in ({"a": ("a", 1), "b": ("b", 2)}, {"c": ("c", 3)}):

            @group.members(names, unit="contacts")
            def counted(t: ir.Table, value: int) -> ir.Value:
                """{value}."""
                return t.count()


def test_families_of_different_length_cannot() -> None:
    with pytest.raises(ValueError, match="shorter"):
        declare_uneven(TagGroup("tiny", "小组"))


@pytest.mark.parametrize(
    ("vocabulary", "names"),
    [
        (NON_MOTOR_LABELS, ["holds_{}", "{}_policies_ever", "{}_quote_count_36m"]),
        (CHANNEL_LABELS, ["{}_quote_count_365d"]),
        ((*FAMILIES, OTHER), ["{}_contact_count_365d", "{}_response_count_365d"]),
        (STEPS, ["longest_{}_delay_days_36m", "{}_in_time_share_36m"]),
        (PARTS, ["{}_quote_view_share_36m", "{}_contact_response_share_36m"]),
        ([name.lower() for name in CLASSES], ["class_{}_entitlements_open"]),
    ],
)
def test_who_adds_a_word_to_a_vocabulary_adds_its_tags(
    vocabulary: list[str], names: list[str]
) -> None:
    """Names stand in the families in full, so a new line or channel has none by itself."""
    for pattern in names:
        assert [word for word in vocabulary if pattern.format(word) not in catalogue()] == []
