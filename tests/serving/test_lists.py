"""Target lists as a call centre gets them: the right people, in order, with reasons in words."""

import csv
import json
import re
import shutil
import stat
from collections.abc import Callable
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pandas as pd
import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from features.tags.catalogue import catalogue
from serving.decision.lots import in_holdout
from serving.decision.worth.policy import load_policy
from serving.lists.target_lists import write_list
from serving.predictions.probabilities import ServedModel, load_models, model_columns
from serving.predictions.scores_file import LABELS
from serving.tag_words import words_of
from training.models import MODELS

Demo = tuple[Path, dict[str, Any]]
Run = Callable[..., "CompletedProcess[str]"]
pytestmark = pytest.mark.slow

DAY = "2026-06-30"
CUTOFF = pd.Timestamp("2026-06-30T16:00:00Z")  # midnight in Shanghai
# List: its model, the heading of its reasons, and whether the lowest probability comes first.
LISTS = {
    "renewal_risk": ("renewal", f"原因（降低{MODELS['renewal'].label}）", True),
    "churn_risk": ("churn", f"原因（提高{MODELS['churn'].label}）", False),
    "cross_sell_health": (
        "cross_sell_health",
        f"原因（提高{MODELS['cross_sell_health'].label}）",
        False,
    ),
}


class List:
    """A list file, read as a spreadsheet reads it, and what the command said of it."""

    def __init__(self, path: Path, said: dict[str, Any]) -> None:
        self.path = path
        self.said = said
        with path.open(encoding="utf-8-sig", newline="") as file:
            heading, *rows = list(csv.reader(file))
        *self.heading, mark = heading
        self.rows = [row[:-1] for row in rows]
        self.marks = {row[-1] for row in rows}
        assert mark == "导出号"

    def column(self, name: str) -> list[str]:
        """One column by its heading."""
        return [row[self.heading.index(name)] for row in self.rows]


@pytest.fixture(scope="module")
def written(demo: Demo, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., List]:
    """`guanjia list ... --with-holdout --out FILE`; the same words are run once."""
    folder = tmp_path_factory.mktemp("lists")
    found: dict[tuple[str, ...], List] = {}

    def once(*words: str) -> List:
        if words not in found:
            path = folder / f"{len(found)}.csv"
            words_to = ("--with-holdout", "--as-of", DAY, "--out", str(path), "--json")
            done = run(demo[0], "list", *words, *words_to)
            assert done.returncode == 0, done.stderr
            found[words] = List(path, json.loads(done.stdout))
        return found[words]

    return once


@pytest.fixture(scope="module")
def people(demo: Demo) -> pd.DataFrame:
    """Scores, tags and consents of everybody, put together here without the code under test."""
    home = demo[0]
    scores = pd.read_parquet(home / "scores" / f"as_of={DAY}.parquet").set_index("customer_id")
    for path in sorted(home.glob(f"tags/*/as_of={DAY}.parquet")):
        tags = pd.read_parquet(path).set_index("customer_id")
        scores = scores.join(tags[[name for name in tags if name not in scores]])
    consents = pd.read_parquet(home / "checked" / "consents.parquet")
    known = consents[
        (consents["recorded_at"] < CUTOFF)
        & ~(consents["superseded_at"] < CUTOFF)
        & (consents["changed_at"] < CUTOFF)
    ]
    # Of two at one instant the refusal is the last; a word on calls alone stands beside it.
    known = known.assign(
        subject=known["purpose"] + known["channel"].map(".{}".format, "ignore").fillna("")
    )
    last = known.sort_values(["changed_at", "granted"], ascending=[True, False])
    for subject in ("marketing", "profiling", "marketing.phone"):
        latest = last[last["subject"] == subject].groupby("customer_id").last()
        scores[subject] = latest["granted"].reindex(scores.index)
        scores[f"{subject} at"] = latest["changed_at"].reindex(scores.index)
    consents_to_all = scores["marketing"].fillna(False).astype(bool)
    calls = scores["marketing.phone"]
    later = scores["marketing.phone at"] > scores["marketing at"]
    allowed = consents_to_all.where(calls.isna(), (calls == True) & (consents_to_all | later))  # noqa: E712
    scores["no marketing"] = ~allowed & ~consents_to_all
    scores["no profiling"] = ~scores["no marketing"] & (scores["profiling"] == False)  # noqa: E712
    scores["no calls"] = ~allowed & consents_to_all & ~scores["no profiling"]
    scores["free"] = ~scores["no marketing"] & ~scores["no profiling"] & ~scores["no calls"]
    scores["claim"] = scores["free"] & (scores["open_claims"] > 0)
    scores["complaint"] = scores["free"] & ~scores["claim"] & (scores["open_complaints"] > 0)
    scores["free"] &= ~scores["claim"] & ~scores["complaint"]
    return scores


def wanted(people: pd.DataFrame, name: str) -> pd.DataFrame:
    """Who meets the list's own condition, in its order."""
    model, _, rising = LISTS[name]
    met = people[people[model].notna()]
    if name == "renewal_risk":
        met = met[met["days_to_commercial_expiry"] <= 60]
    elif name.startswith("cross_sell"):
        met = met[~met["lapsed"]]
    met = met.assign(number=met.index)
    return met.sort_values([model, "customer_value", "number"], ascending=[rising, False, True])


@pytest.mark.parametrize("name", LISTS)
def test_the_list_holds_the_right_people_in_order(
    name: str, written: Callable[..., List], people: pd.DataFrame
) -> None:
    met = wanted(people, name)
    free = met[met["free"]]
    found = written(name, "--top", "1000")
    assert len(free) > 20
    assert found.column("客户号") == free.index.tolist()
    assert found.said["rows"] == len(found.rows) == len(free)


@pytest.mark.parametrize("name", LISTS)
def test_who_may_not_be_contacted_is_left_out_and_counted(
    name: str, written: Callable[..., List], people: pd.DataFrame
) -> None:
    met = wanted(people, name)
    said = written(name, "--top", "1000").said
    assert said["consent"] == "checked"
    assert said["matched"] == len(met)
    counts = {
        "no marketing consent": int(met["no marketing"].sum()),
        "profiling refused": int(met["no profiling"].sum()),
        "channel refused or opted out": int(met["no calls"].sum()),
        "open claim": int(met["claim"].sum()),
        "open complaint": int(met["complaint"].sum()),
    }
    assert said["left_out"] == {why: count for why, count in counts.items() if count}
    assert counts["open claim"] or name == "renewal_risk"
    assert min(said["left_out"].values()) > 0


@pytest.mark.parametrize("name", LISTS)
def test_the_file_opens_in_a_chinese_spreadsheet(name: str, written: Callable[..., List]) -> None:
    found = written(name, "--top", "1000")
    data = found.path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf\xe5\xae\xa2\xe6\x88\xb7\xe5\x8f\xb7,")
    assert data.endswith(b"\r\n")
    assert data.count(b"\n") == data.count(b"\r\n") == len(found.rows) + 1
    assert {len(row) for row in found.rows} == {len(found.heading)}
    assert len(found.marks) == 1
    assert len(set(found.heading)) == len(found.heading)
    assert all(re.search("[一-鿿]", heading) for heading in found.heading)
    assert found.heading[:6] == ["客户号", "姓名", "手机号", "星级", "星级名称", "客户价值（元）"]
    assert found.heading[-1] == LISTS[name][1]


def test_cells_are_those_of_scores_and_customers(
    demo: Demo, written: Callable[..., List], people: pd.DataFrame
) -> None:
    found = written("renewal_risk", "--top", "1000")
    rows = people.loc[found.column("客户号")]
    customers = pd.read_parquet(demo[0] / "checked" / "customers.parquet").set_index("customer_id")
    for heading, name in (("姓名", "name"), ("手机号", "phone")):
        assert found.column(heading) == customers.loc[rows.index, name].tolist()
    assert found.column("星级") == [str(level) for level in rows["star_level"]]
    assert found.column("星级名称") == rows["star_name"].tolist()
    assert found.column("客户价值（元）") == [f"{value:.2f}" for value in rows["customer_value"]]
    for model, spec in MODELS.items():
        shown = [float(cell) if cell else None for cell in found.column(spec.label)]
        digits = 2 if spec.kind == "amount" else 4
        assert shown == [None if pd.isna(p) else round(p, digits) for p in rows[model]]
    for name, label in LABELS.items():
        shown = [float(cell) if cell else None for cell in found.column(label)]
        assert shown == [None if pd.isna(v) else round(v, 2) for v in rows[name]]
    days = catalogue()["days_to_commercial_expiry"].label
    # The list of a date is worked the day after it.
    assert found.column(f"{days}（天）") == [
        f"{d - 1:.0f}" for d in rows["days_to_commercial_expiry"]
    ]


def test_the_holdout_is_left_out_or_marked(
    demo: Demo, run: Run, written: Callable[..., List], tmp_path: Path
) -> None:
    """A control group that is called from a list is none."""
    policy = load_policy(demo[0])
    cycle = policy.cycle(date(2026, 7, 1))
    everybody = written("churn_risk", "--top", "1000")
    held = {
        customer: in_holdout(policy.salt, customer, cycle, policy.holdout_share)
        for customer in everybody.column("客户号")
    }
    assert 0 < sum(held.values()) < len(held)
    assert everybody.column("对照组") == ["是" if inside else "" for inside in held.values()]
    path = tmp_path / "list.csv"
    words = ("churn_risk", "--top", "20", "--as-of", DAY, "--out", str(path), "--json")
    done = run(demo[0], "list", *words)
    assert done.returncode == 0, done.stderr
    left = List(path, json.loads(done.stdout))
    assert left.column("客户号") == [name for name, inside in held.items() if not inside][:20]
    assert "对照组" not in left.heading
    assert left.said["left_out"]["in the holdout"] == sum(held.values())


@pytest.mark.parametrize("name", LISTS)
def test_reasons_are_words_of_the_lists_direction(
    name: str,
    demo: Demo,
    written: Callable[..., List],
    people: pd.DataFrame,
    protected_tags: frozenset[str],
) -> None:
    model, heading, _ = LISTS[name]
    found, labels = written(name, "--top", "1000"), {tag.label: n for n, tag in catalogue().items()}
    labels["距到期天数"] = "lead_days"
    (served,) = load_models(Lake(Settings(home=demo[0])), [model]).values()
    given = 0
    rows = people.loc[found.column("客户号")]
    cells = zip(rows.index, found.column(heading), _weights(served, rows), strict=True)
    for customer, cell, weights in cells:
        reasons = [part.partition("：") for part in cell.split("；")] if cell else []
        assert len(reasons) <= 3
        given += len(reasons)
        for label, _, value in reasons:
            tag = labels[label.lstrip("'")]
            assert tag not in protected_tags
            assert value == _words(tag, rows.loc[customer])
            assert (weights[tag] < 0) == ("降低" in heading)
    assert given > len(rows)


def _words(tag: str, row: pd.Series) -> str:
    """The value of a tag on the day after the date, or of the days to expiry that were asked."""
    name = tag.replace("lead_days", "days_to_commercial_expiry")
    step = name.startswith("days_since_") - name.startswith("days_to_")
    value, declared = row[name] + step if step else row[name], catalogue()[name]
    return "从未" if pd.isna(value) else words_of(value, declared.unit, declared.label)[0]


def _weights(served: ServedModel, rows: pd.DataFrame) -> list[dict[str, float]]:
    """What moved each customer's probability, and by how much, as the model itself says."""
    moved = served.predictor.contributions(pd.DataFrame(model_columns(served, rows)))
    return [dict(zip(served.features, row, strict=False)) for row in moved]


def test_a_condition_narrows_the_list(written: Callable[..., List], people: pd.DataFrame) -> None:
    whole = written("renewal_risk", "--top", "1000")
    where = "star >= 2 and renewal < 0.9 and channel in ('agent', 'telephone', 'dealer')"
    found = written("renewal_risk", "--top", "1000", "--where", where)
    met = people.loc[whole.column("客户号")]
    met = met[(met["star_level"] >= 2) & (met["renewal"] < 0.9)]
    met = met[met["channel"].isin(["agent", "telephone", "dealer"])]
    assert 0 < len(met) < len(whole.rows)
    assert found.column("客户号") == met.index.tolist()
    assert found.rows == [row for row in whole.rows if row[0] in met.index]


def test_a_segment_narrows_the_list_and_not_it_is_everybody_else(
    written: Callable[..., List], people: pd.DataFrame
) -> None:
    name = "cross_sell_health"
    whole = written(name, "--top", "1000")
    inside = written(name, "--top", "1000", "--where", "older_well_off")
    others = written(name, "--top", "1000", "--where", "not older_well_off")
    asked = people.loc[whole.column("客户号")]
    price, value = asked["vehicle_list_price"], asked["customer_value"].astype(float)
    city = asked["city_tier"].isin(["1", "new_1"])
    rich = (price >= 250_000) | ((price >= 150_000) & (city | (value >= 10_000)))
    met = asked[asked["age_years"].between(45, 65) & rich & (asked["motor_policies_in_force"] > 0)]
    assert 5 < len(met) < len(asked)
    assert inside.column("客户号") == met.index.tolist()
    assert others.rows == [row for row in whole.rows if row[0] not in met.index]


def test_a_segment_named_like_a_score_is_refused(demo: Demo, tmp_path: Path) -> None:
    text = (
        '[renewal]\nname = "X"\nlabel = "某"\nkind = "tactical"\ngoal = "retention"\n'
        'purpose = "p"\npurpose_chinese = "某"\nrule = "star > 1"\n'
    )
    home = tmp_path / "copy"
    for folder in ("scores", "snapshots", "models"):
        shutil.copytree(demo[0] / folder, home / folder)
    (home / "segments.toml").write_text(text, encoding="utf-8")
    lake = Lake(Settings(home=home))
    with pytest.raises(GuanjiaError, match="segment renewal: is named like a score"):
        write_list(lake, "renewal_risk", date.fromisoformat(DAY), out=tmp_path / "list.csv")


def test_no_more_than_the_top_are_listed(written: Callable[..., List]) -> None:
    whole, few = written("renewal_risk", "--top", "1000"), written("renewal_risk", "--top", "7")
    assert few.rows == whole.rows[:7]
    assert few.heading == whole.heading
    assert (few.said["rows"], few.said["matched"]) == (7, whole.said["matched"])


def test_a_second_run_writes_the_same_bytes(demo: Demo, run: Run, tmp_path: Path) -> None:
    # The same words and the same file as before: the demo wrote its list with the same code.
    out = tmp_path / "again.csv"
    done = run(demo[0], "list", "renewal_risk", "--as-of", DAY, "--top", "500", "--out", str(out))
    assert done.returncode == 0, done.stderr
    # But for the number of the export, which stands in every row.
    again, before = List(out, {}), List(Path(demo[1]["list_file"]), {})
    (mark,), (former,) = again.marks, before.marks
    assert mark != former
    assert out.read_bytes().replace(mark.encode(), b"") == before.path.read_bytes().replace(
        former.encode(), b""
    )
    assert "left out: no marketing consent" in done.stdout
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["again.csv"]


def test_the_file_is_its_owners_alone(written: Callable[..., List]) -> None:
    path = written("renewal_risk", "--top", "1000").path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_negative_value_is_a_number(written: Callable[..., List]) -> None:
    values = written("churn_risk", "--top", "1000").column("客户价值（元）")
    assert min(float(value) for value in values) < 0
