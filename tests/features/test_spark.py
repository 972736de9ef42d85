"""One definition, two engines: Spark writes the snapshot that DuckDB writes, byte for byte."""

import gc
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.checking.check import check_tables
from features.errors import GuanjiaError
from features.lake import Lake
from features.lake.spark import SparkLake
from features.online import feast_client
from features.online.model_tags import RENEWAL_TAGS
from features.settings import Settings
from features.snapshots.compute import write_snapshot
from features.sources.simulation.simulate import simulate

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("java") is None,
        reason="Spark needs Java: apt-get install default-jre-headless",
    ),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]
DAYS = [date(2024, 2, 29), date(2026, 6, 30)]
END = datetime(2026, 6, 30, 16, tzinfo=UTC)
MEMORY = "2GB"
CODE = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
"""Snapshots of some hundred customers take less time than the code that Spark would make of their
SQL; Feast's join, below, runs as code."""
JAVA = " ".join(
    [
        "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dspark.sql.adaptive.enabled=false",
        "-Dspark.buffer.pageSize=1m",
        *(f"-D{name}={value}" for name, value in CODE.items()),
    ]
)
"""A Java machine that lives two minutes: what its second compiler makes faster never pays. Each
sort and join takes a page of memory whatever its rows; of 64 MB, by default, they fill the heap."""
CUSTOMERS = ["C1", "C2", "C'3", "顾客"]
"""Those with rows at the edges."""
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def spark() -> Iterator[Callable[[Lake], SparkLake]]:
    """The lake of the same home on Spark; one session serves the module."""
    from pyspark import SparkContext

    def start(command: list[str], preexec_fn: object = None, **words: Any) -> Any:
        # `preexec_fn` would fork, that is copy, the whole test process; this keeps Ctrl-C off too.
        return subprocess.Popen(command, start_new_session=True, **words)

    made: list[SparkLake] = []

    def of(lake: Lake) -> SparkLake:
        made.append(SparkLake(lake.settings))
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pyspark.java_gateway.Popen", start)
        patch.setenv("JDK_JAVA_OPTIONS", JAVA)
        yield of
    if SparkContext._gateway:
        made[0].spark._session.stop()
        # Stopped, it would keep its Java machine, with all it took, to the end of the test run.
        gateway, SparkContext._gateway = SparkContext._gateway, None
        gateway.shutdown()
        gateway.proc.stdin.close()  # which it takes for its end
        gateway.proc.wait(30)


@pytest.fixture(autouse=True)
def _sockets_of_pyspark() -> Iterator[None]:
    """Pyspark leaves its sockets to the collector of garbage; not to that of the next test."""
    yield
    gc.collect()


def differing(lake: Lake, other: Lake, days: list[date]) -> list[str]:
    """Tags whose column differs between the snapshots of two engines, and where first."""
    ours = write_snapshot(lake, days)
    columns = {
        (one.as_of, group): pq.read_table(lake.home / entry["path"], partitioning=None)
        for one in ours
        for group, entry in one.files.items()
    }
    theirs = write_snapshot(other, days)
    found = []
    for one in theirs:
        for group, entry in one.files.items():
            mine = columns[one.as_of, group]
            other_rows = pq.read_table(lake.home / entry["path"], partitioning=None)
            assert mine.schema.equals(other_rows.schema)
            for name in mine.column_names:
                if not mine[name].equals(other_rows[name]):
                    pairs = zip(mine[name].to_pylist(), other_rows[name].to_pylist(), strict=True)
                    found.append(f"{name}: {[pair for pair in pairs if pair[0] != pair[1]][:2]}")
    if not found:
        assert [one.snapshot_id for one in ours] == [one.snapshot_id for one in theirs]
    return found


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, put: Any) -> Lake:
    """A simulated insurer, and customers with rows at every edge in the same tables."""
    home = tmp_path_factory.mktemp("two-engines")
    found = Lake(Settings(home=home, memory_limit=MEMORY, threads=1))
    simulate(found, 400, 5)
    check_tables(found)
    for name, rows in edges().items():
        simulated = pq.read_table(found.checked(name), partitioning=None)
        put(found, name, rows)
        more = pq.read_table(found.checked(name), partitioning=None)
        more = more.select(simulated.column_names).cast(simulated.schema)
        pq.write_table(pa.concat_tables([simulated, more]), found.checked(name))
    return found


@pytest.fixture(scope="module")
def differences(lake: Lake, spark: Callable[[Lake], SparkLake]) -> list[str]:
    """Tags on which the engines differ; the snapshots stay in the home."""
    return differing(lake, spark(lake), DAYS)


def test_spark_agrees_on_the_simulated_insurer_and_at_every_edge(
    lake: Lake, differences: list[str]
) -> None:
    assert differences == []
    for day in DAYS:
        rows = pq.read_table(lake.tags("loyalty") / f"as_of={day}.parquet", partitioning=None)
        customers = rows["customer_id"].to_pylist()
        assert len(customers) > 250
        assert set(CUSTOMERS) <= set(customers)


@pytest.mark.filterwarnings("ignore:The spark:RuntimeWarning")
@pytest.mark.usefixtures("differences")
def test_feast_joins_the_same_training_set_on_spark(lake: Lake) -> None:
    customers = [*CUSTOMERS, *(f"C{number:08d}" for number in range(1, 41))]
    asked = pd.DataFrame(
        {
            "customer_id": [*customers * 2, "nobody"],
            "event_timestamp": [datetime(2024, 3, 15, tzinfo=UTC)] * len(customers)
            + [datetime(2026, 7, 5, tzinfo=UTC)] * (len(customers) + 1),
            "label": range(2 * len(customers) + 1),
        }
    )
    expected = feast_client.history(lake, asked, RENEWAL_TAGS.tags)
    other = SparkLake(lake.settings.model_copy(update={"offline": "spark"}))
    other.spark._session.conf.set("spark.sql.codegen.wholeStage", "true")
    other.spark._session.conf.set("spark.sql.codegen.factoryMode", "FALLBACK")
    feast_client.forget(lake)
    try:
        found = feast_client.history(other, asked, RENEWAL_TAGS.tags)
    finally:
        feast_client.forget(other)
    assert expected["claim_count_ever"].notna().sum() > 50
    pd.testing.assert_frame_equal(found, expected)


def test_without_java_or_pyspark_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(GuanjiaError, match="finds no Java"):
        _ = SparkLake(Settings(home=tmp_path)).spark


def edges() -> dict[str, Rows]:
    """Leap days, month ends, the instants around a cutoff, ties, refunds, nulls, odd text."""
    moments = [
        datetime(2026, 6, 30, 15, 59, 59, 999_999, tzinfo=UTC),
        END,
        datetime(2026, 5, 31, 16, tzinfo=UTC),
        datetime(2026, 5, 31, 15, 59, 59, 999_999, tzinfo=UTC),
        datetime(2023, 6, 30, 15, 59, 59, 999_999, tzinfo=UTC),
        datetime(2023, 6, 30, 16, tzinfo=UTC),
        datetime(2024, 2, 28, 16, tzinfo=UTC),
        datetime(2021, 2, 28, 17, tzinfo=UTC),
        datetime(2025, 12, 31, 16, 0, 0, 1, tzinfo=UTC),
    ]
    customers = CUSTOMERS
    births = [date(1980, 2, 29), date(2000, 6, 30), None, date(1920, 7, 1)]
    tables: dict[str, Rows] = {
        "customers": [
            {"customer_id": c, "birth_date": b, "licence_date": b, "gender": None}
            for c, b in zip(customers, births, strict=True)
        ],
        "vehicles": [
            {"vehicle_id": f"V{c}", "customer_id": c, "acquired_at": moments[6], "kind": "car",
             "energy": e, "first_registered": date(2020, 2, 29), "list_price": 123456.78}
            for c, e in zip(customers, ["electric", "plug_in", None, "petrol"], strict=True)
        ],
    }  # fmt: skip
    spans = [
        (date(2019, 2, 28), date(2020, 2, 29), None, 0.01),
        (date(2020, 2, 29), date(2021, 2, 28), None, 3000.0),
        (date(2021, 8, 31), date(2022, 8, 31), date(2022, 1, 1), -12.5),
        (date(2023, 2, 28), date(2024, 2, 29), date(2023, 2, 28), 99.0),
        (date(2023, 3, 1), date(2024, 3, 1), None, None),
        (date(2025, 7, 1), date(2026, 7, 1), None, 2500.55),
        (date(2025, 7, 1), date(2026, 7, 1), None, 2500.55),
        (date(2026, 6, 30), date(2027, 6, 30), date(2026, 12, 31), 999_999_999_999.99),
        (date(2026, 7, 1), date(2027, 7, 1), None, 1.0),
    ]
    lines = ["motor_commercial", "motor_compulsory", "accident"]
    tables["policies"] = [
        {"policy_id": f"{c}-{n}-{line}", "customer_id": c, "vehicle_id": f"V{c}", "line": line,
         "private_car": n % 2 == 0, "signed_at": moments[n % len(moments)], "inception": begin,
         "expiry": end, "cancelled_on": stop, "written_premium": paid, "ncd_level": n % 9 - 4,
         "channel": ["agent", None, "online"][n % 3], "third_party_limit": 1000000.0,
         "recorded_at": moments[(n * 2) % len(moments)]}
        for c in customers for n, (begin, end, stop, paid) in enumerate(spans) for line in lines
    ]  # fmt: skip
    tables["claims"] = [
        {"claim_id": f"{c}-{n}", "customer_id": c, "policy_id": f"{c}-1-motor_commercial",
         "kind": "scratch", "injury": [True, False, None][n % 3], "at_fault": None,
         "occurred_at": at, "reported_at": at, "surveyed_at": moments[-n], "closed_at": END,
         "recorded_at": at, "superseded_at": [None, END, moments[0]][n % 3]}
        for c in customers for n, at in enumerate(moments)
    ]  # fmt: skip
    tables["claim_movements"] = [
        {"movement_id": f"{c}-{n}", "claim_id": f"{c}-{n // 2}", "customer_id": c, "moved_at": at,
         "paid_change": -0.01 * n, "outstanding_change": 10_000_000.33, "recorded_at": at}
        for c in customers for n, at in enumerate(moments)
    ]  # fmt: skip
    tables["quotes"] = [
        {"quote_id": f"{c}-{n}", "customer_id": c, "policy_id": f"{c}-5-motor_commercial",
         "line": "motor_commercial", "quoted_at": at, "premium": 0.0 if n == 1 else 2600.1 + n,
         "delivered_at": at, "viewed_at": moments[-n], "channel": "online", "recorded_at": at}
        for c in customers for n, at in enumerate(moments)
    ]  # fmt: skip
    results = ["sent", "clicked", "refused", "opted_out", None, "converted", "no_answer"]
    tables["interactions"] = [
        {"interaction_id": f"{c}-{n}", "customer_id": c, "touchpoint": ["renewal_60d", "?"][n % 2],
         "channel": ["sms", "wecom", "phone"][n % 3], "direction": ["out", "in"][n % 4 == 3],
         "occurred_at": at, "result": results[n % len(results)], "cost": 0.05, "recorded_at": at}
        for c in customers for n, at in enumerate(moments)
    ]  # fmt: skip
    tables["entitlements"] = [
        {"entitlement_id": f"{c}-{n}", "customer_id": c, "service": "roadside",
         "service_class": "ABC"[n % 3], "granted_at": at, "activated_at": at,
         "used_at": [at, None, END][n % 3], "unit_cost": 33.33, "recorded_at": at,
         "expires_on": [DAYS[0], DAYS[1], date(2026, 7, 1)][n % 3]}
        for c in customers for n, at in enumerate(moments)
    ]  # fmt: skip
    tables["trips"] = [
        {"trip_id": f"{c}-{n}", "customer_id": c, "vehicle_id": f"V{c}", "ended_at": at,
         "distance_m": [0, 1, 333_333][n % 3], "night_distance_m": 0, "harsh_accelerations": n,
         "harsh_brakings": 3, "harsh_cornerings": 0, "speeding_seconds": 7, "recorded_at": at}
        for c in customers for n, at in enumerate(moments)
    ]  # fmt: skip
    tables["consents"] = [
        {"consent_id": f"{c}-{n}-{purpose}", "customer_id": c, "purpose": purpose,
         "granted": n != 4, "changed_at": moments[7], "recorded_at": moments[7]}
        for c in customers[:2] for n in range(3) for purpose in ("location", "marketing")
    ]  # fmt: skip
    tables["surveys_and_complaints"] = [
        {"case_id": f"{c}-{n}", "customer_id": c, "kind": ["survey", "complaint"][n % 2],
         "topic": "claims", "occurred_at": at, "score": [5, None][n % 2], "recorded_at": at,
         "resolved_at": [None, None, None, at][n % 4]}
        for c in customers for n, at in enumerate(moments)
    ]  # fmt: skip
    return tables
