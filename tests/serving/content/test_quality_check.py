"""The sample of sent messages: the same for everybody, enough of each, and honest shares."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import GuanjiaError
from serving.content.check import load_content_check
from serving.content.quality_check import check_quality, wilson

GATE = load_content_check(Path("no home"))
NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)


def sent(*groups: tuple[str | None, str | None, int, int]) -> pd.DataFrame:
    """Messages of (branch, manager, how many, of them faulty)."""
    rows = [
        {
            "contact_id": f"{branch} {manager} {number}",
            "branch": branch,
            "account_manager_id": manager,
            "channel": "wecom",
            "kind": "marketing",
            "message": "续保返现" if number < faulty else "您好",
            "sent_at": NOON,
        }
        for branch, manager, count, faulty in groups
        for number in range(count)
    ]
    return pd.DataFrame(rows)


def test_all_are_checked_where_the_sample_is_all() -> None:
    frame = sent(("杭州", "M1", 10, 3), ("杭州", "M2", 30, 0), ("宁波", "M3", 2, 1))
    found = check_quality(GATE, frame, seed="s", share=1)
    assert (found.sent, found.checked, len(found.findings)) == (42, 42, 4)
    assert set(found.findings["rule"]) == {"cash_back"}
    assert set(found.findings["label"]) == {"返现返佣"}
    assert set(found.findings["text"]) == {"返现"}
    rows = found.branches.set_index("branch")[["sent", "checked", "faulty", "share"]]
    assert rows.loc["杭州"].tolist() == [40, 40, 3, 0.075]
    assert rows.loc["宁波"].tolist() == [2, 2, 1, 0.5]
    # Three in ten is worse than one in two: of two, nobody can say much.
    managers = found.managers.set_index("account_manager_id")
    assert managers.index.tolist() == ["M1", "M3", "M2"]
    assert managers.loc["M1", "low"] == pytest.approx(0.1078, abs=1e-4)
    assert managers.loc["M1", "high"] == pytest.approx(0.6032, abs=1e-4)


def test_shares_are_of_what_was_sent_not_of_what_was_checked() -> None:
    """M1 sends 400 clean messages, M2 ten faulty ones; ten of each are looked at."""
    frame = sent(("杭州", "M1", 400, 0), ("杭州", "M2", 10, 10))
    found = check_quality(GATE, frame, seed="s", share=0.01, least=10)
    (branch,) = found.branches.to_dict("records")
    assert (branch["sent"], branch["checked"], branch["faulty"]) == (410, 20, 10)
    assert branch["share"] == pytest.approx(10 / 410)
    # Weights 40 and 1, ten each: an effective size of 410 squared over 16,010.
    assert (branch["low"], branch["high"]) == pytest.approx(wilson(10 / 410, 410**2 / 16_010))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from("xyz"), st.integers(1, 40)),
             min_size=1, max_size=4, unique_by=lambda one: one[:2]),
    st.floats(0.01, 1),
    st.integers(1, 12),
    st.randoms(),
)  # fmt: skip
def test_the_sample_is_enough_of_each_and_does_not_hang_on_the_order(
    groups: list[tuple[str, str, int]], share: float, least: int, random: Any
) -> None:
    frame = sent(*[(branch, manager, count, count) for branch, manager, count in groups])
    found = check_quality(GATE, frame, seed="s", share=share, least=least)
    for row in found.managers.to_dict("records"):
        assert row["checked"] >= min(row["sent"], least)
        assert share * row["sent"] <= row["checked"] or row["checked"] == row["sent"]
        assert row["checked"] <= max(least, share * row["sent"] + 1)
        assert 0 <= row["low"] <= row["share"] <= row["high"] <= 1
    assert found.checked == found.managers["checked"].sum() == found.branches["checked"].sum()
    order = list(range(len(frame)))
    random.shuffle(order)
    again = check_quality(GATE, frame.iloc[order], seed="s", share=share, least=least)
    pd.testing.assert_frame_equal(found.findings, again.findings)
    pd.testing.assert_frame_equal(found.managers, again.managers)


def test_another_seed_draws_others_and_a_message_more_changes_little() -> None:
    frame = sent(("杭州", "M1", 200, 200))

    def drawn(of: pd.DataFrame, seed: str) -> set[str]:
        return set(check_quality(GATE, of, seed=seed, share=0.1).findings["contact_id"])

    first = drawn(frame, "s")
    assert len(first) == 20
    assert len(first & drawn(frame, "t")) < 10
    fewer = frame[frame["contact_id"] != min(first)]
    assert first - {min(first)} <= drawn(fewer, "s")


def test_who_is_not_named_is_counted_all_the_same() -> None:
    found = check_quality(GATE, sent((None, None, 3, 1), ("杭州", None, 2, 0)), seed="s")
    assert found.branches["branch"].tolist() == ["", "杭州"]
    assert found.managers["sent"].sum() == 5


def test_nothing_sent_is_nothing_found() -> None:
    found = check_quality(GATE, sent(("杭州", "M1", 1, 0)).head(0), seed="s")
    assert (found.sent, found.checked) == (0, 0)
    assert [len(table) for table in (found.findings, found.branches, found.managers)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("change", "more", "told"),
    [
        (lambda f: f.drop(columns="kind"), {}, "messages, column kind: is missing"),
        (lambda f: pd.concat([f, f]), {}, "contact 杭州 M1 0: is there twice"),
        (lambda f: f.assign(message=None), {}, "contact 杭州 M1 0: has no message"),
        (lambda f: f.assign(channel="fax"), {}, "channel fax: is not known"),
        (lambda f: f, {"share": 0.0}, "share 0.0: is not above 0"),
        (lambda f: f, {"least": 0}, "least 0: is below 1"),
    ],
)
def test_what_cannot_be_checked_says_so(change: Any, more: dict[str, Any], told: str) -> None:
    with pytest.raises(GuanjiaError, match=told):
        check_quality(GATE, change(sent(("杭州", "M1", 2, 0))), seed="s", **more)
