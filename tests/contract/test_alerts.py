"""Alert rules and dashboard ask for metrics that exist, and each alert leads to its runbook."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from serving.exporter.gauges import GAUGES
from serving.telemetry.metrics import REGISTRY

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
OBSERVABILITY = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
HOUR = 3600
FACTS = """
rule_files: [{rules}]
evaluation_interval: 1m
tests:
{tests}
"""


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((MONITORING / "rules.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    board = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def samples() -> dict[str, set[str]]:
    """Every name that Prometheus sees -> its labels."""
    seen = {name: set(labels) for name, (_, labels) in GAUGES.items()}
    for family in REGISTRY.collect():
        (metric,) = {
            collector
            for collector, names in REGISTRY._collector_to_names.items()
            if family.name in names
        }
        labels = set(metric._labelnames)  # type: ignore[attr-defined]
        if family.type == "histogram":
            names = {f"{family.name}_{part}": labels for part in ("sum", "count")}
            seen |= names | {f"{family.name}_bucket": labels | {"le"}}
        else:
            seen[f"{family.name}_total"] = labels
    return seen


def selectors(query: str) -> Iterator[tuple[str, set[str]]]:
    """The metrics that a query selects, with the labels that it matches; raises if it is none."""

    def walk(node: Any) -> Iterator[tuple[str, set[str]]]:
        if isinstance(node, promql_parser.VectorSelector):
            yield str(node.name), {matcher.name for matcher in node.matchers.matchers}
        elif isinstance(node, promql_parser.Call):
            for part in node.args:
                yield from walk(part)
        elif isinstance(node, promql_parser.BinaryExpr):
            yield from walk(node.lhs)
            yield from walk(node.rhs)
        elif isinstance(node, promql_parser.MatrixSelector):
            yield from walk(node.vector_selector)
        elif hasattr(node, "expr"):
            yield from walk(node.expr)

    yield from walk(promql_parser.parse(query))


def queries() -> list[tuple[str, str]]:
    asked = [(rule["alert"], rule["expr"]) for rule in rules()]
    shown = [
        (panel["title"], target["expr"].replace("$__rate_interval", "1m"))
        for panel in panels()
        for target in panel["targets"]
    ]
    return asked + shown


@pytest.mark.parametrize(("what", "query"), queries())
def test_a_query_selects_metrics_that_exist_by_labels_that_they_have(what: str, query: str) -> None:
    known = samples()
    selected = list(selectors(query))
    assert selected, what
    for name, labels in selected:
        if name != "up":
            assert name in known
            assert labels - {"job", "instance"} <= known[name]


def test_every_metric_is_shown_or_watched_and_described() -> None:
    used = {name for _, query in queries() for name, _ in selectors(query)}
    families = {name.removesuffix("_total") for name in samples()}
    families = {re.sub(r"_(sum|count|bucket)$", "", name) for name in families}
    shown = {re.sub(r"_(total|sum|count|bucket)$", "", name) for name in used}
    assert families - shown == set()
    names = {*GAUGES, *(name for name in samples() if name.endswith("_total"))}
    names.add("guanjia_request_seconds")
    assert [name for name in sorted(names) if f"- `{name}` (" not in OBSERVABILITY] == []


def test_every_alert_has_a_runbook() -> None:
    anchors = {
        re.sub(r"\W", "", title.lower()) for title in re.findall(r"^#+ (.*)$", OPERATIONS, re.M)
    }
    for rule in rules():
        page, anchor = rule["annotations"]["runbook_url"].split("#")
        assert page == "docs/operations.md"
        assert anchor == rule["alert"].lower()
        assert anchor in anchors
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_promtool_takes_the_rules_and_fires_them(tmp_path: Path) -> None:
    """Alerts fire on what they are for, and not beside it: written by hand, run by Prometheus."""
    if shutil.which("promtool") is None:
        why = "no promtool (apt-get install prometheus)"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    checked = subprocess.run(
        ["promtool", "check", "config", MONITORING / "prometheus.yml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    cases: list[tuple[dict[str, str], str, set[str]]] = [
        # time() is 0 at the beginning: 37 hours ago the date of the tags ended.
        ({"guanjia_tags_timestamp_seconds": f"{-37 * HOUR}", "guanjia_clock_ahead_seconds": "0"},
         "20m", {"GuanjiaTagsOld"}),
        ({"guanjia_tags_timestamp_seconds": f"{-35 * HOUR}", "guanjia_clock_ahead_seconds": "0"},
         "20m", set()),
        ({"guanjia_tags_timestamp_seconds": f"{-35 * HOUR}",
          "guanjia_clock_ahead_seconds": f"{2 * HOUR}"}, "20m", {"GuanjiaTagsOld"}),
        # Of 10,000 customers 500 are expected in the holdout; a deviation is 21.8.
        (holdout(9_588, 412), "20m", {"GuanjiaHoldoutShareOff"}),
        (holdout(9_586, 414), "20m", set()),
        (holdout(499, 0), "20m", set()),
        ({'guanjia_holdout_marketing_contacts_total': "0x9 1x20"}, "20m",
         {"GuanjiaHoldoutContacted"}),
        ({'guanjia_requests_total{status="200"}': "0+98x30",
          'guanjia_requests_total{status="503"}': "0+2x30"}, "20m", {"GuanjiaErrors"}),
        ({'guanjia_requests_total{status="200"}': "0+1000x30",
          'guanjia_requests_total{status="503"}': "0+2x30"}, "20m", set()),
        ({'guanjia_decisions_total{action="silence"}': "0+10x400",
          'guanjia_decisions_total{action="contact"}': "0x400"}, "390m", {"GuanjiaSilent"}),
        ({'guanjia_decisions_total{action="silence"}': "0+10x400",
          'guanjia_decisions_total{action="contact"}': "0+0.1x400"}, "390m", set()),
        ({'guanjia_day_outcome{outcome="broken"}': "1"}, "20m", {"GuanjiaDayBroken"}),
        ({'guanjia_day_outcome{outcome="done"}': "1"}, "20m", set()),
        ({'guanjia_day_outcome{outcome="cut off"}': "1",
          'guanjia_day_step_began_timestamp_seconds{step="tags"}': "0"}, "100m", set()),
        ({'guanjia_day_outcome{outcome="cut off"}': "1",
          'guanjia_day_step_began_timestamp_seconds{step="tags"}': "0"}, "140m",
         {"GuanjiaDayCutOff"}),
    ]  # fmt: skip
    path = tmp_path / "facts.yml"
    tests = "".join(promtool_case(*case) for case in cases)
    path.write_text(FACTS.format(rules=MONITORING / "rules.yml", tests=tests), encoding="utf-8")
    fired = subprocess.run(
        ["promtool", "test", "rules", path], capture_output=True, text=True, check=False
    )
    assert fired.returncode == 0, fired.stdout + fired.stderr


def holdout(others: int, inside: int) -> dict[str, str]:
    return {
        'guanjia_holdout_customers{holdout="false"}': str(others),
        'guanjia_holdout_customers{holdout="true"}': str(inside),
        "guanjia_holdout_share_stated": "0.05",
    }


def promtool_case(series: dict[str, str], at: str, firing: set[str]) -> str:
    """One case as promtool reads it: every alert of the file is asked for, firing or not."""
    lines = ["  - interval: 1m", "    input_series:"]
    for name, values in series.items():
        whole = values if "x" in values else f"{values}x400"
        lines += [f"      - series: '{name}'", f"        values: '{whole}'"]
    lines.append("    promql_expr_test:")
    for rule in rules():
        fires = f'count(ALERTS{{alertname="{rule["alert"]}",alertstate="firing"}}) or vector(0)'
        value = int(rule["alert"] in firing)
        lines += [f"      - expr: '{fires}'", f"        eval_time: {at}", "        exp_samples:"]
        lines += [f"          - labels: '{{}}'\n            value: {value}"]
    return "\n".join(lines) + "\n"
