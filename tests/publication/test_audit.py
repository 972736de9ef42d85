"""What is missing, of another snapshot, or beyond a bound is found, with what it means."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from published_homes import CUSTOMERS, FIRST, NOON, SECOND, write_day

from features.lake import Lake
from features.quality.findings import Finding as QualityFinding
from guanjia.jobs.publication import audit
from guanjia.jobs.publication.findings import Finding
from guanjia.jobs.publication.generation import stage_day
from guanjia.jobs.publication.slot_loading import load_slot
from serving.predictions.scores_file import scores_path, scores_schema

Break = Callable[[Path], None]


def remove(name: str) -> Break:
    return lambda home: (home / name).unlink()


def of_yesterday(folder: str) -> Break:
    def act(home: Path) -> None:
        path = home / folder / f"as_of={FIRST}.parquet"
        path.with_name(f"as_of={SECOND}.parquet").write_bytes(path.read_bytes())

    return act


def quarantine(home: Path) -> None:
    rows = {"good": 40, "quarantined": 60}
    (home / "check.json").write_text(json.dumps({"tables": {"claims": rows}}))


def break_a_tag(home: Path) -> None:
    path = home / "quality" / f"as_of={SECOND}.json"
    report = json.loads(path.read_text())
    broken = QualityFinding("star_level", "null_share", "broken", 1.0, limit=0.1)
    watched = QualityFinding("star_level", "drift", "watch", 0.3, limit=0.2)
    written = [asdict(finding) | {"sentence": finding.sentence} for finding in (broken, watched)]
    path.write_text(json.dumps(report | {"findings": written}))


BROKEN = {
    "check": remove("check.json"),
    "rows of claims in quarantine": quarantine,
    "quality": remove(f"quality/as_of={SECOND}.json"),
    "quality of star_level": break_a_tag,
    "triggers": remove(f"triggers/as_of={SECOND}.parquet"),
    "segments": remove(f"segments/as_of={SECOND}.parquet"),
    "scores": of_yesterday("scores"),
}


def findings(lake: Lake, load: bool = True) -> list[Finding]:
    """What the audit says of the second day, against the first."""
    day = stage_day(lake, SECOND, NOON)
    if load:
        load_slot(lake, day, NOON)
    (first,) = [each for each in _kept(lake) if each.as_of == FIRST]
    return audit.audit_day(Lake(lake.settings, day), SECOND, Lake(lake.settings, first))


def _kept(lake: Lake) -> Any:
    from features.lake.pointer import kept_days

    return kept_days(lake.home)


def test_each_fault_is_one_finding(lake: Lake) -> None:
    write_day(lake.home, SECOND, star=4)
    assert findings(lake) == []
    for thing, act in BROKEN.items():
        write_day(lake.home, SECOND, star=4)
        act(lake.home)
        (finding,) = findings(lake)
        assert finding.thing == thing
        assert finding.meaning.endswith("."), thing
        chinese = re.sub("quality.toml|[0-9a-f]{16}", "", finding.chinese)
        assert not re.search("[a-z]{2}", chinese), chinese


@pytest.mark.parametrize("folder", ["triggers", "segments"])
def test_files_of_other_tags_are_found(lake: Lake, folder: str) -> None:
    write_day(lake.home, SECOND, star=4)
    of_yesterday(folder)(lake.home)
    (finding,) = findings(lake)
    assert (finding.thing, finding.figure) == (folder, "made from other tags")


def test_a_model_that_predicts_for_fewer_customers_is_found(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scores(day: date, predicted: int) -> None:
        manifest = json.loads((lake.home / "snapshots" / f"{day}.json").read_text())
        rows = [
            {"customer_id": name, "as_of": day, "snapshot_id": manifest["snapshot_id"],
             "renewal": 0.5 if place < predicted else None}
            for place, name in enumerate(CUSTOMERS)
        ]  # fmt: skip
        path = scores_path(lake, day)
        pq.write_table(pa.Table.from_pylist(rows, schema=scores_schema()), path)

    monkeypatch.setattr(audit, "champion_version", lambda _, name: {"renewal": "1"}.get(name))
    write_day(lake.home, SECOND, star=4)
    scores(SECOND, 4)
    (published,) = _kept(lake)
    target = published.folder(lake.home) / "scores" / f"as_of={FIRST}.parquet"
    scores(FIRST, 4)
    target.unlink()
    target.hardlink_to(scores_path(lake, FIRST))
    assert findings(lake) == []
    scores(SECOND, 3)
    (finding,) = findings(lake)
    assert finding.sentence.startswith(
        "predictions of renewal: 3, and 4 on the day published before; the bound is at least 95.0%"
    )
    scores_path(lake, SECOND).unlink()
    assert "scores" in {finding.thing for finding in findings(lake)}


def test_customers_who_are_not_online_are_counted(lake: Lake) -> None:
    write_day(lake.home, SECOND, star=4)
    things = {finding.thing: finding.sentence for finding in findings(lake, load=False)}
    assert things["online rows of claims"].startswith(
        "online rows of claims: 0; the bound is one for each of 4 customers."
    )
    assert "online rows of contact_details" in things
