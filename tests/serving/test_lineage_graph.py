"""What segments, models, lists and touchpoints are computed from, read from their declarations."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from serving.lineage.graph import Lineage, Node, build_lineage
from serving.lists.questions import declared_lists
from training.models import MODELS

Guanjia = Callable[..., CompletedProcess[str]]


def graph_of(home: Path) -> Lineage:
    """The graph of a home."""
    return build_lineage(Lake(Settings(home=home)))


def names(lineage: Lineage, node: Node) -> set[str]:
    """What a node is computed from directly."""
    return {str(source) for source in lineage.sources_of(node)}


def test_a_segment_of_the_home_reads_the_tags_of_its_rule(home: Path) -> None:
    home.mkdir()
    (home / "segments.toml").write_text(
        '[young]\nname = "Young"\nlabel = "年轻客户"\nkind = "tactical"\ngoal = "retention"\n'
        'purpose = "Keep them."\n'
        'purpose_chinese = "挽留。"\nrule = "age_years < 30 and star >= 2"\n',
        encoding="utf-8",
    )
    lineage = graph_of(home)
    assert names(lineage, Node("segment", "young")) == {"tag:age_years", "tag:star_level"}
    reached = {str(other.node) for other in lineage.up(Node("segment", "young"))}
    assert {"column:customers.birth_date", "column:policies.written_premium"} <= reached
    assert "column:customers.gender" not in reached


def test_a_model_reads_its_tags_and_those_of_its_question(home: Path) -> None:
    lineage, spec = graph_of(home), MODELS["renewal"]
    expected = {*spec.tag_set.tags, *spec.rule_tags, "days_to_commercial_expiry"}
    assert names(lineage, Node("model", "renewal")) == {f"tag:{name}" for name in expected}


def test_a_list_reads_scores_tags_and_who_may_be_contacted(home: Path) -> None:
    lineage = graph_of(home)
    read = names(lineage, Node("list", "renewal_risk"))
    assert {"model:renewal", "column:customers.phone", "column:consents.granted"} <= read
    assert "column:interactions.result" in read
    assert "column:customers.birth_date" not in read
    for name, (spec, _) in declared_lists().items():
        assert f"model:{spec.name}" in names(lineage, Node("list", name))


def test_a_touchpoint_reads_its_window_its_models_and_its_event(home: Path) -> None:
    lineage = graph_of(home)
    assert "tag:days_to_next_birthday" in names(lineage, Node("touchpoint", "birthday"))
    assert "model:renewal" in names(lineage, Node("touchpoint", "renewal_30d"))
    reached = {str(other.node) for other in lineage.down(Node("column", "customers.birth_date"))}
    assert {"tag:age_years", "touchpoint:birthday", "model:renewal"} <= reached


def test_names_are_found_by_alias_and_by_kind_and_ambiguous_ones_are_refused(home: Path) -> None:
    lineage = graph_of(home)
    assert lineage.find("star") == Node("tag", "star_level")
    assert lineage.find("model:churn") == Node("model", "churn")
    with pytest.raises(GuanjiaError, match="Write model:cross_sell_health or list:cross_sell"):
        lineage.find("cross_sell_health")
    with pytest.raises(GuanjiaError, match="Did you mean"):
        lineage.find("policies.inceptoin")


def test_a_walk_tells_the_shortest_way() -> None:
    lineage = Lineage()
    column, tag, model, group = (Node(kind, "x") for kind in ("column", "tag", "model", "list"))
    lineage.add(column, "", ())
    lineage.add(tag, "", [column])
    lineage.add(model, "", [tag])
    lineage.add(group, "", [tag, model])
    assert [(other.node, other.steps) for other in lineage.down(column)] == [
        (tag, 1), (group, 2), (model, 2),
    ]  # fmt: skip
    assert [other.node for other in lineage.up(group)] == [model, tag, column]


def test_the_command_shows_and_writes_what_it_read(guanjia: Guanjia, home: Path) -> None:
    done = guanjia("lineage", "customers.gender", "--down", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["name"] == "customers.gender"
    assert "up" not in told
    assert told["down"][0] == {"kind": "tag", "name": "gender", "label": "性别", "steps": 1}
    shown = guanjia("lineage")
    assert "touchpoint 触点" in shown.stdout
    assert "costs.amount" in shown.stdout
    wrong = guanjia("lineage", "policies.inceptoin")
    assert wrong.returncode == 2
    assert "policies.inception" in wrong.stderr
