"""How often a quiet year raises an alert, and how soon a reform of prices is found.

Of several simulated insurers: the renewal champion learned by 2025-06-30 and is watched on the
twelve cohorts after. Ours: the share of quiet years with any alert. Limit: what chance stays below
in 99 of 100 runs, the stated rate being true. Beside it, without a limit: of the same insurers with
a reform of prices in October 2025, the share that is found within the first cohort, and within the
first three.
"""

import argparse
import sys
import tempfile
import warnings
from datetime import date
from pathlib import Path

from measuring import Measured, finish, say
from scipy.stats import binom

from features import settings
from features.checking.check import check_tables
from features.lake import Lake
from features.sources.simulation.simulate import simulate
from training.dataset import Dataset
from training.fitting.bundle_writer import write_bundle
from training.fitting.datasets import build
from training.fitting.learn import fit
from training.models import MODELS
from training.monitoring.bounds import Bounds
from training.monitoring.files import write_monitoring
from training.monitoring.watch import MonitoringReport, watch
from training.registry import local_models

MODEL = "renewal"
LEARNED, AS_OF, REFORM = date(2025, 6, 30), date(2026, 6, 30), date(2025, 10, 1)
FIRST = "2025-11"  # the first cohort of terms that ended after the reform began


def main() -> int:
    """Print the table; 1 if a limit broke."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=5_000, help="of each simulated insurer")
    parser.add_argument("--insurers", type=int, default=10, help="how many, one a seed")
    parser.add_argument("--rows", type=int, default=60_000, help="labels learned from, at most")
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    alarms, first, third = 0, 0, 0
    for seed in range(1, asked.insurers + 1):
        with tempfile.TemporaryDirectory(prefix="guanjia-bench-") as scratch:
            bundle = Path(scratch) / "bundle"
            quiet = insurer(Path(scratch) / "quiet", asked.customers, seed, None)
            (data,) = build(quiet, [MODELS[MODEL]], LEARNED, row_limit=asked.rows)
            fitted, _ = fit(MODELS[MODEL], data, quiet.settings.threads)
            write_bundle(bundle, MODELS[MODEL], fitted, data.tags)
            year = watched(quiet, bundle, data)
            reformed = insurer(Path(scratch) / "reformed", asked.customers, seed, REFORM)
            found = watched(reformed, bundle, data)
        after = [one for one in found.cohorts if one.name >= FIRST]
        alarms += bool(year.alerts)
        first += bool(after[0].alerts)
        third += any(one.alerts for one in after[:3])
        gaps = ", ".join(f"{100 * (one.observed - one.predicted):+.1f}" for one in after[:3])
        said = "; ".join(f"{one.cohort} {one.sentence}" for one in year.alerts) or "none"
        say(f"seed {seed}: quiet year's alerts: {said}. Gaps after the reform: {gaps}")
    many, stated = asked.insurers, Bounds().false_alarms
    limit = float(binom.ppf(0.99, many, stated)) / many
    lines = [
        Measured("quiet years with an alert", "share", alarms / many, at_most=limit),
        Measured("reform found within a cohort", "share", first / many),
        Measured("reform found within three", "share", third / many),
    ]
    return finish("monitoring", asked.customers, lines, asked.json)


def insurer(home: Path, customers: int, seed: int, reform: date | None) -> Lake:
    """A simulated insurer, checked."""
    lake = Lake(settings.load().model_copy(update={"home": home}))
    simulate(lake, customers, seed, price_reform=reform)
    check_tables(lake)
    return lake


def watched(lake: Lake, bundle: Path, data: Dataset) -> MonitoringReport:
    """The bundle as champion, without a registry: what monitoring read of it before holds."""
    local_models.save_bundle(lake, MODEL, "1", bundle)
    local_models.set_champion(lake, MODEL, "1")
    base = data.frame.loc[data.split.train, "label"].mean()
    parameters = {"known_by": str(LEARNED), "test_from": str(data.split.test_from)}
    run = {"model": MODEL, "version": "1", "run": "", "tags": {}}
    run["parameters"] = parameters | {"base_rate": str(float(base))}
    write_monitoring(lake, LEARNED, {"models": [{"model": MODEL, "stated": {"run": run}}]})
    return watch(lake, MODEL, AS_OF)


if __name__ == "__main__":
    sys.exit(main())
