"""A law: however a few days are delivered, the tags are those of the tables they were made from."""

import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from day_deliveries import ZONE, Insurer, Row, during, end_of, read_raw, state_at, write_raw
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from features.checking.check import check_tables
from features.contracts.tables import CONTRACTS
from features.imports.run import run
from features.lake import Lake
from features.settings import Settings, cutoff
from features.snapshots.compute import write_snapshot
from features.sources.simulation.simulate import simulate

FIRST = date(2026, 6, 25)
DAYS = [FIRST + timedelta(days=number) for number in range(5)]
TABLES = ("customers", "vehicles", "policies", "quotes", "claims", "claim_movements")


@dataclass(frozen=True)
class Shape:
    """How the days are delivered.

    Attributes
    ----------
    increments : frozenset of str
        Tables of which a day's files hold what changed; the others are whole dumps.
    parts : int
        Files a table and day.
    late : frozenset of (int, str)
        Day and table whose file comes together with the next day's.
    again : frozenset of int
        Days that are delivered twice.
    """

    increments: frozenset[str]
    parts: int
    late: frozenset[tuple[int, str]]
    again: frozenset[int]


MIDDLE = st.integers(1, len(DAYS) - 2)
SHAPES = st.builds(
    Shape,
    st.frozensets(st.sampled_from(TABLES)),
    st.integers(1, 3),
    st.frozensets(st.tuples(MIDDLE, st.sampled_from(TABLES)), max_size=4),
    st.frozensets(st.integers(0, len(DAYS) - 1), max_size=2),
)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[Row]], str]:
    """The true tables, with a correction a day, and the hash of their tags of the last day."""
    folder = tmp_path_factory.mktemp("truth")
    source = Lake(Settings(home=folder / "source", threads=1))
    simulate(source, 60, 1)
    source.con.close()
    tables = {name: read_raw(folder / "source")[name] for name in TABLES}
    for number, day in enumerate(DAYS[1:]):
        rows = state_at("policies", tables["policies"], during(day))
        row = rows[sorted(rows)[7 * number]]
        paid = row["written_premium"] + 10
        tables["policies"].append({**row, "written_premium": paid, "recorded_at": during(day)})
    # What was superseded before the first delivery is told by none.
    end = cutoff(FIRST, ZONE)
    for name, rows in tables.items():
        early = sorted((r for r in rows if r["recorded_at"] < end), key=lambda r: r["recorded_at"])
        latest = {row[CONTRACTS[name].key]: row for row in early}
        tables[name] = [*latest.values(), *(row for row in rows if row["recorded_at"] >= end)]
    write_raw(folder / "true", tables)
    return tables, tags_of(folder / "true")


def tags_of(home: Path) -> str:
    """The hash of the tags as of the last day."""
    lake = Lake(Settings(home=home, threads=1))
    check_tables(lake)
    (snapshot,) = write_snapshot(lake, [DAYS[-1]])
    lake.engine.disconnect()
    return snapshot.snapshot_id


@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # an example takes seconds
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(SHAPES)
def test_the_tags_are_those_of_the_true_tables(
    truth: tuple[dict[str, list[Row]], str], shape: Shape
) -> None:
    tables, expected = truth
    with tempfile.TemporaryDirectory() as folder:
        insurer = Insurer(
            tables, Path(folder) / "exports", shape.increments,
            settings=dict.fromkeys(TABLES, 'drift = "take"'),
        )  # fmt: skip
        insurer.write_mapping()
        lake = Lake(Settings(home=Path(folder) / "home", threads=1))
        for number, day in enumerate(DAYS):
            insurer.clear()
            for table in TABLES:
                if (number, table) not in shape.late:
                    insurer.deliver(day, FIRST, [table], parts=shape.parts)
                # The dump of the day after holds what a late one would have said.
                if (number - 1, table) in shape.late and table in shape.increments:
                    insurer.deliver(DAYS[number - 1], FIRST, [table])
            if not any((insurer.folder / "today").iterdir()):
                continue  # everything is late: whoever runs an import of nothing is told so
            for _ in range(1 + (number in shape.again)):
                run(lake, insurer.mapping, end_of(day))
        lake.con.close()
        assert tags_of(Path(folder) / "home") == expected
