"""Lists over the demo: previews that add up to the file, releases that stay what they were."""

import csv
import dataclasses
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from campaign_plans import plan_fields

from features.errors import GuanjiaError
from features.lake import Lake
from guanjia.jobs.list_exports import export_release
from serving.campaigns.planning import plan_campaign
from serving.lists.definitions.definition import (
    ListDefinition,
    ListDefinitionError,
    load_definition,
    parse_definition,
)
from serving.lists.definitions.versions import UnknownListError
from serving.lists.listing import Viewer
from serving.lists.released.reading import verify_members
from serving.lists.released.releases import ReleaseRefusedError
from serving.lists.service import ListService
from serving.measurement.released_lists import campaign_of_release
from serving.predictions.unknown_customers import UnknownCustomerError
from serving.records.database import Records
from serving.records.people.consents import ConsentChange, write_consent
from serving.records.tables import exports

Copy = Callable[..., Lake]
pytestmark = pytest.mark.slow
NOW, DAY = datetime(2026, 7, 1, 2, tzinfo=UTC), date(2026, 6, 30)
LI, WANG = Viewer("li"), Viewer("wang")
ON_BOTH = pytest.mark.parametrize("lake", ["sqlite", "postgres"], indirect=True)
CAMPAIGN = plan_fields(campaign=None)


@pytest.fixture
def lake(copy: Copy, request: pytest.FixtureRequest) -> Lake:
    """The demo with scores and checked tables, to be changed; its records also on Postgres."""
    found = copy("scores", "checked")
    if getattr(request, "param", "sqlite") == "sqlite":
        return found
    address = request.getfixturevalue("postgres")
    return Lake(found.settings.model_copy(update={"database": address}))


@pytest.fixture
def lists(lake: Lake, records: Records) -> ListService:
    return ListService(lake, records)


def own(**fields: Any) -> ListDefinition:
    return parse_definition(
        {"name": "own_list", "label": "自有名单", "model": "churn", "size": 40} | fields
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"where": "star >= 3"},
        {"order": "expected_value desc", "size": 10, "least_value": -100.0},
        {"budget": 35.0, "size": None},
        {"capacity": {"*": 1}, "days": 2, "size": None},
        {"channel": "wecom", "not_in_segments": ["loyal"]},
        {"model": "cross_sell_health", "channel": "sms"},
    ],
)
def test_the_waterfall_adds_up_to_the_file(
    fields: dict[str, Any], lists: ListService, records: Records, tmp_path: Path
) -> None:
    written = lists.define(own(**fields), LI, "a test", NOW)
    preview = lists.preview(written.definition, LI, NOW)
    matched, *taken, sent = preview.waterfall
    assert matched.customers - sum(step.customers for step in taken) == sent.customers == sent.left
    (count,) = lists.count(written.definition, LI).conditions
    assert matched.customers == count.customers
    assert sum(preview.stars.values()) == sum(preview.branches.values()) == sent.customers
    for step in [*taken, sent]:
        members = lists.preview_members(written.definition, LI, NOW, step.rule)
        assert len(members) == len({*members}) == step.customers
    release = lists.release("own_list", LI, NOW)
    out = tmp_path / "list.csv"
    done = export_release(lists, records, release, out, LI, "a test", NOW)
    with out.open(encoding="utf-8-sig", newline="") as file:
        heading, *rows = list(csv.reader(file))
    assert len(rows) == done.rows == sent.customers > 0
    assert {row[heading.index("导出号")] for row in rows} == {done.export_id}
    assert release.members == sent.customers + preview.held_out
    ids = [row[heading.index("客户号")] for row in rows]
    assert ids == lists.preview_members(written.definition, LI, NOW, "sent")
    with records.reading() as connection:
        (noted,) = connection.execute(exports.select()).mappings()
    assert (noted["export_id"], noted["customer_ids"]) == (done.export_id, ids)


@ON_BOTH
def test_the_same_list_has_the_same_hash_and_last_weeks_is_still_there(
    lists: ListService, lake: Lake
) -> None:
    lists.define(own(), LI, "", NOW)
    first, again = lists.release("own_list", LI, NOW), lists.release("own_list", LI, NOW)
    assert first.release_id != again.release_id
    assert first.content_hash == again.content_hash
    before = (lake.home / first.file).read_bytes()
    lists.define(own(size=5), LI, "smaller", NOW)
    smaller = lists.release("own_list", LI, NOW)
    assert smaller.content_hash != first.content_hash
    assert (lake.home / first.file).read_bytes() == before
    assert len(list(lists.members(lists.find("own_list", first.release_id), LI))) == first.members


@ON_BOTH
def test_the_author_needs_a_second_person_beyond_the_number_of_the_home(
    lake: Lake, records: Records, tmp_path: Path
) -> None:
    careful = Lake(lake.settings.model_copy(update={"release_alone": 10}))
    lists = ListService(careful, records)
    lists.define(own(), LI, "", NOW)
    assert lists.release("own_list", WANG, NOW).state == "released"
    waiting = lists.release("own_list", LI, NOW)
    assert waiting.state == "waiting"
    assert lists.find("own_list").release_id != waiting.release_id
    with pytest.raises(ReleaseRefusedError, match="waits for approval"):
        export_release(lists, records, waiting, tmp_path / "x.csv", LI, "a test", NOW)
    approve = partial(lists.approve, waiting.release_id)
    with pytest.raises(ReleaseRefusedError, match="does not have this hash"):
        approve("0" * 64, WANG, NOW)
    with pytest.raises(ReleaseRefusedError, match="written or released by li"):
        approve(waiting.content_hash, LI, NOW)
    done = approve(waiting.content_hash, WANG, NOW)
    assert (done.state, done.approved_by) == ("released", "wang")
    with pytest.raises(ReleaseRefusedError, match="released already"):
        approve(waiting.content_hash, Viewer("zhao"), NOW)
    lists.define(own(size=10), LI, "few", NOW)
    few = lists.release("own_list", LI, NOW)
    assert few.members > 10 or few.state == "released"


def test_a_file_that_was_changed_is_not_read(lists: ListService, lake: Lake) -> None:
    lists.define(own(), LI, "", NOW)
    release = lists.release("own_list", LI, NOW)
    path = lake.home / release.file
    table = pq.read_table(path)
    place = table.schema.get_field_index("place")
    pq.write_table(table.set_column(place, "place", table["place"][::-1]), path)
    with pytest.raises(GuanjiaError, match="its hash is another"):
        list(lists.members(release, LI))


@ON_BOTH
def test_an_erased_customer_leaves_the_release_and_its_hash_stays(
    lists: ListService, lake: Lake, run: Callable[..., Any]
) -> None:
    lists.define(own(), LI, "", NOW)
    release = lists.release("own_list", LI, NOW)
    gone = next(lists.members(release, LI)).customer_id
    done = run(lake.home, "erase", gone, "--who", "Li")
    assert done.returncode == 0, done.stderr
    left = [member.customer_id for member in lists.members(release, LI)]
    assert gone not in left
    assert len(left) == release.members - 1
    assert gone.encode() not in (lake.home / release.file).read_bytes()
    assert verify_members(lake, release) == 1
    assert lists.find("own_list", release.release_id).content_hash == release.content_hash


def test_who_refused_since_is_on_the_old_release_and_not_on_the_next(
    lists: ListService, records: Records
) -> None:
    lists.define(own(), LI, "", NOW)
    customer = lists.preview_members(own(), LI, NOW, "sent")[0]
    with records.writing() as connection:
        write_consent(connection, ConsentChange(customer, "marketing", False, NOW, "phone"), NOW)
    assert customer in lists.preview_members(own(), LI, NOW, "opted_out")
    why = lists.why(own(), customer, LI, NOW)
    assert (why.sent, why.rule, why.place) == (False, "opted_out", None)
    assert "consent" in {gate.name for gate in why.gates if not gate.passed}
    # By another channel they are still sent.
    assert lists.why(own(channel="sms"), customer, LI, NOW).sent


def test_why_says_condition_value_and_place(lists: ListService) -> None:
    definition = own(where="star >= 4")
    sent = lists.preview_members(definition, LI, NOW, "sent")
    for place, customer in enumerate(sent[:3], 1):
        why = lists.why(definition, customer, LI, NOW)
        assert (why.sent, why.rule, why.place, why.of) == (True, None, place, len(sent))
        assert all(part.holds for part in why.parts)
        assert all(gate.passed for gate in why.gates)
        assert why.reasons
    low = lists.preview_members(own(where="star <= 2"), LI, NOW, "sent")[0]
    why = lists.why(definition, low, LI, NOW)
    assert (why.sent, why.rule, why.rank) == (False, "condition", None)
    (failed,) = [part for part in why.parts if not part.holds]
    assert (failed.text, failed.chinese) == ("star_level >= 4", "星级 ≥ 4")
    assert (level := failed.values["star_level"]) <= 2
    assert (failed.labels, failed.words["star_level"][0]) == ({"star_level": "星级"}, f"{level}星")
    with pytest.raises(UnknownCustomerError):
        lists.why(definition, "C99999999", LI, NOW)


@ON_BOTH
def test_members_of_a_released_list_can_be_left_out(lists: ListService, records: Records) -> None:
    lists.define(own(name="first_list", size=10), LI, "", NOW)
    first = lists.release("first_list", LI, NOW)
    others = own(not_in_lists=["first_list"])
    members = {member.customer_id for member in lists.members(first, LI)}
    held_out = {member.customer_id for member in lists.members(first, LI) if member.in_holdout}
    assert {*lists.preview_members(others, LI, NOW, "excluded")} == members
    assert held_out <= members
    lists.define(others, LI, "", NOW)
    use = lists.use("first_list")
    assert (use.releases, use.excluded_by, use.campaigns) == (1, ["own_list"], [])
    fields = {"campaign": "july", **CAMPAIGN}
    completed, rows = campaign_of_release(fields, first, lists.members(first, LI))
    plan_campaign(
        lists.lake, records, completed, rows, "li", NOW, salt="s", in_holdout=lambda _: False
    )
    assert lists.use("first_list").campaigns == ["july"]
    assert lists.use("own_list").campaigns == []


@ON_BOTH
def test_versions_are_kept_and_compared(lists: ListService) -> None:
    lists.define(own(where="star >= 3"), LI, "first", NOW)
    lists.define(own(where="star >= 3"), WANG, "the same", NOW)
    lists.define(own(where="star >= 4", budget=500.0), WANG, "dearer", NOW)
    one, two = lists.versions("own_list")
    assert [(found.version, found.author) for found in (one, two)] == [(1, "li"), (2, "wang")]
    assert [change.english for change in lists.diff("own_list", 1)] == [
        "where: star_level >= 3 -> star_level >= 4",
        "budget: not set -> 500",
    ]
    assert lists.version("own_list", 1).definition.where == "star_level >= 3"
    with pytest.raises(UnknownListError, match="Did you mean own_list"):
        lists.version("own_lisst")
    with pytest.raises(UnknownListError, match="version 9"):
        lists.version("own_list", 9)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"where": "star >> 3"}, "condition"),
        ({"where": "sta >= 3"}, "Did you mean"),
        ({"order": "churn sideways"}, "cannot be read"),
        ({"order": "expected_value desc, churn asc"}, "mixes expected value"),
        ({"not_in_segments": ["loyl"]}, "loyal"),
        ({"not_in_lists": ["nobody_list"]}, "is not known"),
        ({"touchpoint": "no_such"}, "is not known"),
        ({"columns": ["no_such_tag"]}, "is not known"),
    ],
)
def test_a_definition_that_names_what_is_not_there_is_refused(
    fields: dict[str, Any], fault: str, lists: ListService
) -> None:
    with pytest.raises(GuanjiaError, match=fault):
        lists.preview(lists.define(own(**fields), LI, "", NOW).definition, LI, NOW)


def test_nobody_to_send_is_no_release(lists: ListService) -> None:
    lists.define(own(where="star = 1 and star = 2"), LI, "", NOW)
    with pytest.raises(ReleaseRefusedError, match="no customer to send"):
        lists.release("own_list", LI, NOW)
    assert lists.releases("own_list") == []


def test_a_definition_is_read_from_toml_and_json(tmp_path: Path) -> None:
    toml, plain = tmp_path / "list.toml", tmp_path / "list.json"
    toml.write_text('name = "own_list"\nlabel = "名单"\nmodel = "churn"\nbudget = 10.5\n', "utf-8")
    plain.write_text('{"name":"own_list","label":"名单","model":"churn","budget":10.5}', "utf-8")
    assert load_definition(toml) == load_definition(plain)
    assert load_definition(toml).hash == load_definition(plain).hash
    with pytest.raises(GuanjiaError, match="is not there"):
        load_definition(tmp_path / "none.toml")
    with pytest.raises(ListDefinitionError):
        parse_definition(own().document() | {"order": "1"})
    with pytest.raises(GuanjiaError, match="colour"):
        parse_definition(own().document() | {"colour": "red"})


def test_a_viewer_of_a_branch_sees_nobody_elses_customers(lists: ListService) -> None:
    lists.define(own(), LI, "", NOW)
    whole = lists.release("own_list", LI, NOW)
    everybody = list(lists.members(whole, LI))
    branch = everybody[0].branch
    assert branch is not None
    assert {member.branch for member in everybody} != {branch}
    desk = Viewer("desk", frozenset({branch}))
    assert [m.customer_id for m in lists.members(whole, desk)] == [
        m.customer_id for m in everybody if m.branch == branch
    ]
    assert lists.preview(own(), desk, NOW).branches.keys() == {branch}
    stranger = next(member for member in everybody if member.branch != branch)
    with pytest.raises(UnknownCustomerError):
        lists.why(own(), stranger.customer_id, desk, NOW)
    theirs = lists.release("own_list", desk, NOW)
    assert {member.branch for member in lists.members(theirs, LI)} == {branch}


def test_the_sum_is_that_of_the_members(lists: ListService) -> None:
    preview = lists.preview(own(), LI, NOW)
    lists.define(own(), LI, "", NOW)
    members = [
        member
        for member in lists.members(lists.release("own_list", LI, NOW), LI)
        if not member.in_holdout
    ]
    found = preview.expectation
    assert found is not None
    assert found.outcomes.total == pytest.approx(sum(m.probability for m in members), abs=0.01)
    assert found.cost.total == pytest.approx(sum(m.cost for m in members))
    worth = sum(m.probability * (m.worth or 0) for m in members)
    assert found.worth.total == pytest.approx(worth, abs=0.01)
    value = sum(m.expected_value or 0 for m in members)
    assert found.value.total == pytest.approx(value, abs=0.01)
    assert found.outcomes.low is not None
    assert found.outcomes.high is not None
    assert found.outcomes.low < found.outcomes.total < found.outcomes.high
    assert dataclasses.asdict(found)["bases"] == {"propensity": len(members)}
