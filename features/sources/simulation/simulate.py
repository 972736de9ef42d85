"""The simulated insurer: seven years of raw tables, and apart from them the truth.

For demos, tests and benchmarks, and because only here the true probabilities are known. What is
simulated, to which figures, and what is not: `docs/simulated-insurer.md`.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.lake import Lake
from features.progress import Report, quiet
from features.publishing import published, published_folder
from features.settings import cutoff
from features.sources.raw_source import prepare_raw_for
from features.sources.simulation import calibration as c
from features.sources.simulation import claims as claiming
from features.sources.simulation import consents as consenting
from features.sources.simulation import contacts as contacting
from features.sources.simulation import people as populating
from features.sources.simulation import policies as writing
from features.sources.simulation import reminders as reminding
from features.sources.simulation import truth as knowing
from features.sources.simulation.random import Draws
from features.sources.simulation.terms import terms

SENDER = """\
# The simulated insurer's name, as its customers know it (docs/content.md).
[sender]
insurer = "管家车险"
signature = "管家车险"
phones = ["4000000000"]
"""
TRUTHS = ("customers", "renewals", "cross_sell", "churn", "service_use")


@dataclass(frozen=True)
class Simulated:
    """What was written: rows by raw table, rows by truth."""

    customers: int
    seed: int
    end: date
    rows: dict[str, int]
    truth_rows: dict[str, int]


def simulate(
    lake: Lake,
    customers: int,
    seed: int,
    report: Report = quiet,
    chunk_size: int = 50_000,
    end: date = date(2026, 6, 30),
    price_reform: date | None = None,
) -> Simulated:
    """Write the raw tables and the truth of a simulated insurer, replacing what is there.

    Parameters
    ----------
    lake : Lake
        Where to write: `raw/<table>/part-*.parquet` and `truth/*.parquet`.
    customers : int
        How many customers, 1 to 99,999,999.
    seed : int
        The same seed gives the same insurer, whatever the chunk size.
    report : Report
        Hears of the customers done.
    chunk_size : int
        Customers held in memory at a time.
    end : date
        Last day of history; nothing recorded later is written.
    price_reform : date, optional
        Commercial cover that incepts from this day on is dearer (`PRICE_REFORM`), new and renewed.
        What was recorded before any of it was quoted does not change.

    Returns
    -------
    Simulated
        Rows written.

    Raises
    ------
    GuanjiaError
        If a number is out of range, or the raw tables there are not a simulation's.
    """
    if not 1 <= customers < 10**8:
        raise GuanjiaError("customers", f"{customers} is not 1..99,999,999", "ask for fewer")
    if chunk_size < 1:
        raise GuanjiaError("chunk size", f"{chunk_size} is below 1", "use 50,000")
    if end <= c.START:
        raise GuanjiaError("end", f"{end} is not after {c.START}", "choose a later date")
    prepare_raw_for(lake, "simulated")
    _name_the_insurer(lake.home / "content.toml")
    # The simulated insurer lives in China, whatever zone the installation counts its days in.
    end_us = int(cutoff(end, "Asia/Shanghai").timestamp()) * 10**6
    last_day = (end - date(1970, 1, 1)).days
    reform_day = None if price_reform is None else (price_reform - date(1970, 1, 1)).days
    rows = {name: 0 for name in CONTRACTS if name != "customer_merges"}  # numbers are people here
    truth_rows = dict.fromkeys(TRUTHS, 0)
    with published_folder(lake.home / "raw") as raw, published_folder(lake.home / "truth") as truth:
        writers: dict[str, pq.ParquetWriter] = {}
        for part, first in enumerate(range(0, customers, chunk_size)):
            index = np.arange(first, min(first + chunk_size, customers), dtype=np.int64)
            tables, truths = _chunk(Draws(seed), index, last_day, end_us, reform_day)
            for name, table in tables.items():
                folder = raw / name
                folder.mkdir(exist_ok=True)
                pq.write_table(table, folder / f"part-{part:05d}.parquet", compression="zstd")
                rows[name] += table.num_rows
            for name, table in truths.items():
                if name not in writers:
                    path = truth / f"{name}.parquet"
                    writers[name] = pq.ParquetWriter(path, table.schema, compression="zstd")
                writers[name].write_table(table)
                truth_rows[name] += table.num_rows
            report("simulate", int(index[-1]) + 1, customers)
        for writer in writers.values():
            writer.close()
    return Simulated(customers, seed, end, rows, truth_rows)


def _name_the_insurer(settings: Path) -> None:
    """Give the simulated insurer the name its messages are signed with, unless it has one."""
    if not settings.exists():
        with published(settings) as draft:
            draft.write_text(SENDER, "utf-8")


def _chunk(
    draws: Draws, index: np.ndarray, last_day: int, end_us: int, reform_day: int | None
) -> tuple[dict[str, pa.Table], dict[str, pa.Table]]:
    who = populating.people(draws, index, last_day)
    park = populating.cars(draws, who)
    years = terms(draws, who, park, last_day, reform_day)
    loss = claiming.losses(draws, years)
    bought, hazard = knowing.purchase_days(draws, who, years, park)
    policies = writing.motor_tables(draws, who, park, years)
    policies.append(knowing.non_motor(draws, who, bought))
    tables = {
        "customers": populating.people_table(draws, who, end_us),
        "vehicles": populating.car_table(draws, who, park),
        "policies": pa.concat_tables(policies),
        "quotes": pa.concat_tables(
            [
                writing.quotes(draws, who, park, years, end_us),
                writing.non_motor_quotes(draws, who, park, years, end_us),
            ]
        ),
        **claiming.claim_tables(draws, who, park, years, loss, end_us),
        "interactions": contacting.interactions(draws, who, park, years),
        "assignments": pa.concat_tables(
            [
                contacting.assignments(draws, who, park, years),
                reminding.reminder_lots(draws, who, park, years),
            ]
        ),
        "entitlements": contacting.entitlements(draws, who, park, years, end_us),
        "trips": contacting.trips(draws, who, park, years, last_day),
        "consents": consenting.consents(draws, who),
        "costs": contacting.costs(draws, who, park, years),
    }
    known = pa.scalar(end_us, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    tables = {
        name: rows.filter(pc.less(rows["recorded_at"], known)) for name, rows in tables.items()
    }
    truths = knowing.truths(who, park, years, bought, hazard, last_day)
    return tables, {**truths, "service_use": reminding.true_use(draws, who, park, years)}
