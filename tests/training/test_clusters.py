"""Snapshots in learned clusters: who is in one, and that a later date keeps to them."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from training.clusters.customer_groups import clusters_path, segmentation_path, write_clusters

MAY, JUNE = date(2026, 5, 31), date(2026, 6, 30)
CAR = {"motor_policies_in_force": 2, "vehicle_list_price": 120_000.0, "tenure_years": 3}
KINDS: tuple[dict[str, Any], ...] = (
    {**CAR, "age_years": 25, "vehicle_age_years": 1},
    {**CAR, "age_years": 60, "vehicle_age_years": 9, "tenure_years": 9},
    {**CAR, "age_years": 40, "vehicle_age_years": 1, "vehicle_list_price": 900_000.0},
    {**CAR, "age_years": 40, "vehicle_age_years": 3, "claims_incurred_36m": 80_000.0},
)


def customers(moved: int = 0) -> dict[str, dict[str, Any]]:
    """160 customers of four kinds and two without cover; `moved` of the first are of the next."""
    random = np.random.default_rng(2)
    found = {}
    for number in range(160):
        kind = KINDS[(number + (1 if number % 4 == 0 and number < 4 * moved else 0)) % 4]
        premium = float(random.uniform(2_400, 2_600))
        found[f"C{number:03}"] = {**kind, "motor_premium_in_force": premium}
    found["D1"] = {**KINDS[0], "motor_policies_in_force": 0}
    found["D2"] = {**KINDS[0], "motor_policies_in_force": None}
    return found


@pytest.fixture
def lake(home: Path, snapshot: Callable[..., None]) -> Lake:
    """Two snapshots: by June, 10 customers of the first kind have become of the second."""
    snapshot(home, MAY, customers())
    later = customers(moved=10)
    del later["C159"]
    snapshot(home, JUNE, {**later, "E1": KINDS[3]})
    return Lake(Settings(home=home))


def test_whoever_has_motor_cover_is_in_a_cluster(lake: Lake) -> None:
    done = write_clusters(lake, MAY)
    rows = pq.read_table(done.path, partitioning=None)
    assert done.path == clusters_path(lake, MAY)
    assert rows["customer_id"].to_pylist() == sorted(customers())
    found = dict(zip(*rows.to_pydict().values(), strict=True))
    assert found["D1"] is found["D2"] is None
    groups = [{found[f"C{number:03}"] for number in range(kind, 160, 4)} for kind in range(4)]
    assert [len(group) for group in groups] == [1, 1, 1, 1]
    assert set.union(*groups) == {1, 2, 3, 4}
    assert (done.customers, done.without, done.learned) == (160, 2, True)
    assert rows.schema.metadata[b"segmentation"].decode() == done.segmentation.version


def test_a_later_date_is_put_into_the_same_clusters(lake: Lake) -> None:
    first = write_clusters(lake, MAY)
    kept = segmentation_path(lake).read_bytes()
    done = write_clusters(lake, JUNE, MAY)
    assert not done.learned
    assert done.segmentation == first.segmentation
    assert segmentation_path(lake).read_bytes() == kept
    assert [one.name for one in done.clusters] == [one.name for one in first.clusters]
    # C159 is gone and E1 has come; of the 159 on both dates 10 have moved.
    assert done.same_share == pytest.approx(149 / 159)
    assert 0.7 < (done.agreement or 0) < 1
    moves = sorted((one.left, one.entered) for one in done.stability)
    assert moves == [(0, 0), (0, 10), (1, 1), (10, 0)]
    assert sum(one.before for one in done.stability) == 160


def test_against_itself_nothing_moves(lake: Lake) -> None:
    done = write_clusters(lake, MAY, MAY)
    assert (done.same_share, done.agreement) == (1, 1)
    assert len(done.stability) > 1
    assert all(one.stayed == one.before == one.after for one in done.stability)


def test_learning_anew_is_asked_for(lake: Lake) -> None:
    first = write_clusters(lake, MAY)
    assert not write_clusters(lake, MAY).learned
    again = write_clusters(lake, JUNE, learn_anew=True)
    assert again.learned
    assert again.segmentation.snapshot_id == "snapshot of 2026-06-30"
    assert again.segmentation.version != first.segmentation.version


def test_a_run_again_writes_the_same_bytes(lake: Lake) -> None:
    paths = [segmentation_path(lake), write_clusters(lake, MAY).path]
    before = [path.read_bytes() for path in paths]
    write_clusters(lake, MAY, learn_anew=True)
    assert [path.read_bytes() for path in paths] == before


def test_a_snapshot_must_be_there(lake: Lake) -> None:
    with pytest.raises(GuanjiaError, match="snapshot of 2026-04-30: is not there"):
        write_clusters(lake, date(2026, 4, 30))
    assert not segmentation_path(lake).exists()


def test_the_command_names_clusters_and_what_moved(
    lake: Lake, guanjia: Callable[..., "CompletedProcess[str]"]
) -> None:
    shown = guanjia("clusters", "--as-of", str(JUNE), "--against", str(MAY))
    assert shown.returncode == 0, shown.stderr
    assert "dearer cars" in shown.stdout
    assert "车价高" in shown.stdout
    assert "Warning: non_motor_premium_in_force is the same for everyone" in shown.stdout
    found = json.loads(guanjia("clusters", "--as-of", str(JUNE), "--json").stdout)
    assert (found["customers"], found["learned"]) == (160, False)
