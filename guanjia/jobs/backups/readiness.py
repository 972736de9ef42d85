"""Check that a restored home can go on: records, snapshot, models, online rows."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, select

from features.erasure.customer_files import customers_in
from features.errors import GuanjiaError
from features.lake import Lake, published_lake
from features.online.store import read_rows, slot_file
from features.progress import Report, quiet
from features.settings import Settings
from features.snapshots.snapshots import read_snapshot, snapshot_dates
from features.tags import catalogue
from serving.records.database import Records
from serving.records.tables import METADATA
from training.estimators.bundle import Predictor
from training.registry import local_models


@dataclass(frozen=True)
class Check:
    """A check of a restored home.

    Attributes
    ----------
    what : str
        What was tried.
    good : bool
        Whether it could be done.
    seen : str
        What came of it, or what is wrong.
    """

    what: str
    good: bool
    seen: str


def check_restored(settings: Settings, report: Report = quiet) -> list[Check]:
    """Try what a service and a day need of a home; nothing is changed but tables that migrate.

    Parameters
    ----------
    settings : Settings
        Settings that name the home.
    report : Report
        Progress: called with the step, checks done and checks in all.
    """
    lake = published_lake(settings)
    tried: dict[str, Callable[[Lake], str]] = {
        "records": _count_records,
        "snapshot": _verify_snapshot,
        "models": _load_models,
        "online rows": _read_online,
    }
    checks = []
    for done, (what, check) in enumerate(tried.items()):
        report("checks", done, len(tried))
        try:
            checks.append(Check(what, True, check(lake)))
        except GuanjiaError as error:
            checks.append(Check(what, False, str(error)))
    report("checks", len(tried), len(tried))
    return checks


def _count_records(lake: Lake) -> str:
    records = Records(lake.settings)
    try:
        records.migrate()
        with records.reading() as connection:
            rows = sum(
                connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in METADATA.sorted_tables
            )
    finally:
        records.close()
    return f"{rows:,} rows"


def _verify_snapshot(lake: Lake) -> str:
    days = snapshot_dates(lake)
    if not days:
        return "there is none: it is computed again"
    snapshot = read_snapshot(lake, max(days), verify=True)
    return f"{snapshot.as_of}: {snapshot.customers:,} customers"


def _load_models(lake: Lake) -> str:
    names = sorted(path.parent.name for path in lake.home.glob("models/*/champion.json"))
    for name in names:
        version = local_models.champion_version(lake, name)
        if version is not None:
            Predictor.load(local_models.bundle_path(lake, name, version))
    return f"{len(names)} champions load" if names else "none was promoted yet"


def _read_online(lake: Lake) -> str:
    days = snapshot_dates(lake)
    if not days or not slot_file(lake.home, lake.slot).exists():
        return "there are none: `guanjia materialize` loads them"
    group = next(iter(catalogue.groups()))
    path = lake.data / read_snapshot(lake, max(days)).files[group]["path"]
    customers = sorted(customers_in(path))
    rows = len(read_rows(lake, [group], customers)[0])
    if rows < len(customers):
        fault = f"has {rows:,} of {len(customers):,} customers"
        raise GuanjiaError("the online store", fault, "run `guanjia materialize`")
    return f"{rows:,} customers"
