"""Processor time of a day on which 1% of the customers changed, step by step.

A home that `guanjia demo` made is copied, and its last day taken out of the raw tables. The day
before is computed whole. Then rows of the last day are delivered, in files beside the others, of so
many customers that 1% of all have new rows, and a few rows of the week before that arrive late.
The steps of a day run twice on copies of that home: each command as a process of its own, as a
chain in cron has it, and all in one process, which imports once. The peer of the whole day is
`python -c "import duckdb"`, as in `commands.py`: its limit of 25 s is a ratio, too.

    python benchmarks/day_costs.py --home HOME
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

import duckdb
from commands import GUANJIA, PEER, PEER_SECONDS, PYTHON, run
from measuring import Measured, arguments, compared, finish, say

from features.sql import sql_text

STEPS = (
    "check",
    "tags --as-of DAY",
    "quality --as-of DAY",
    "segments --as-of DAY",
    "score --as-of DAY",
    "triggers --as-of DAY",
    "materialize --as-of DAY",
)
DAY_SECONDS = 25
SHARE = 0.01
LATE_CUSTOMERS = 10
LATE_DAYS = 7
TOGETHER = """
import io, json, resource, sys
from contextlib import redirect_stdout
from guanjia.cli import main

def spent():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)

seconds = []
for words in json.loads(sys.argv[1]):
    sys.argv = ["guanjia", *words.split()]
    began = spent()
    try:
        with redirect_stdout(io.StringIO()):
            main()
    except SystemExit as end:
        if end.code == 2:
            raise
    seconds.append(spent() - began)
print(json.dumps(seconds))
"""


def main() -> int:
    """Prepare the day, then measure it as a chain of commands and in one process."""
    asked = arguments(__doc__ or "", customers=20_000, repeats=2)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="guanjia-bench-") as scratch:
        home = Path(scratch) / "home"
        if asked.home is None:
            say(f"making the demo of {asked.customers:,} customers")
            os.environ["GUANJIA_HOME"] = str(home)
            run([*GUANJIA, "demo", "--customers", str(asked.customers)], 0)
        else:
            shutil.copytree(asked.home, home)
        os.environ["GUANJIA_HOME"] = str(home)
        day = date.fromisoformat(max(path.stem for path in (home / "snapshots").glob("2*.json")))
        rows, customers = prepare(home, day)
        say(f"{rows} rows of {customers} customers are delivered on {day}")
        steps = [step.replace("DAY", str(day)) for step in STEPS]
        chains, days, peers = [], [], []
        for _ in range(asked.repeats + 1):  # the first compiles: it does not count
            peers.append(run(PEER, 0))
            chains.append([command(home, step) for step in steps])
            recomputed = json.loads((home / "snapshots" / f"{day}.json").read_text())["recomputed"]
            take_back(home, day)
            days.append(together(steps))
            take_back(home, day)
        say(f"recomputed: {recomputed} customers")
    lines = []
    for place, step in enumerate(STEPS):
        chain, one = ([round_[place] for round_ in rounds[1:]] for rounds in (chains, days))
        # Ours is the step within one process, the peer the command alone.
        lines.append(compared(step, "s", one, chain))
    sums = [sum(round_) for round_ in days[1:]], [sum(round_) for round_ in chains[1:]]
    lines.append(compared("the day in one process, the chain", "s", *sums))
    limit = round(DAY_SECONDS / PEER_SECONDS, 1)
    lines.append(compared("the day, import duckdb", "s", sums[0], peers[1:], at_most=limit))
    lines.append(Measured("customers recomputed", "customers", recomputed))
    return finish("day_costs", asked.customers, lines, asked.json)


def prepare(home: Path, day: date) -> tuple[int, int]:
    """Compute the day before `day`, then deliver rows of `day`; return its rows and customers."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'Asia/Shanghai'")
    files = sorted((home / "raw").glob("*/*.parquet"))
    everybody = sql_text(home / "raw" / "customers" / "*.parquet")
    recorded = "CAST(recorded_at AS DATE)"
    unions = " UNION ALL ".join(
        f"SELECT customer_id FROM {sql_text(file)} WHERE {recorded} = DATE '{day}'"
        for file in files
    )
    con.execute(
        f"CREATE TABLE chosen AS SELECT DISTINCT customer_id FROM ({unions}) ORDER BY"
        f" md5(customer_id) LIMIT (SELECT CAST({SHARE} * count(DISTINCT customer_id) AS BIGINT)"
        f" FROM {everybody})"
    )
    con.execute(
        f"CREATE TABLE tardy AS SELECT DISTINCT customer_id FROM {everybody}"
        f" ORDER BY md5(customer_id) LIMIT {LATE_CUSTOMERS}"
    )
    new = f"{recorded} = DATE '{day}' AND customer_id IN (FROM chosen)"
    late = (
        f"{recorded} BETWEEN DATE '{day - timedelta(LATE_DAYS)}' AND DATE '{day - timedelta(1)}'"
        " AND customer_id IN (FROM tardy)"
    )
    rows, deliveries = 0, []
    for file in files:
        draft, more = file.with_suffix(".draft"), file.with_suffix(".day")
        table = sql_text(file)
        con.execute(f"COPY (FROM {table} WHERE {new} OR {late}) TO {sql_text(more)}"
                    " (FORMAT parquet)")  # fmt: skip
        con.execute(f"COPY (FROM {table} WHERE NOT coalesce({recorded} >= DATE '{day}' OR ({late}),"
                    f" false)) TO {sql_text(draft)} (FORMAT parquet)")  # fmt: skip
        ((count,),) = con.execute(f"SELECT count(*) FROM read_parquet({sql_text(more)})").fetchall()
        rows += count
        draft.replace(file)
        deliveries.append((home / f"{file.parent.name}.day", file.parent / "delivered.parquet"))
        more.replace(deliveries[-1][0])
    take_back(home, day)
    for step in ("check", f"tags --as-of {day - timedelta(1)} --whole"):
        run([*GUANJIA, *step.split()], 0)
    for waiting, place in deliveries:
        waiting.replace(place)
    ((customers,),) = con.execute("SELECT count(*) FROM chosen").fetchall()
    return rows, customers


def take_back(home: Path, day: date) -> None:
    """Remove the snapshot of the day, so that it is carried forward again."""
    (home / "snapshots" / f"{day}.json").unlink(missing_ok=True)


def command(home: Path, words: str) -> float:
    """Run one command as a process; `quality` may find broken bounds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    line = [*GUANJIA, *words.split()]
    done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=home)
    if done.returncode not in (0, 1):
        sys.exit(f"{words} ended with {done.returncode}: {done.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def together(steps: list[str]) -> list[float]:
    """Run the steps in one process; return the processor time of each, imports with the first."""
    done = subprocess.run(
        [*PYTHON, TOGETHER, json.dumps(steps)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"the day ended with {done.returncode}: {done.stderr[-2000:]}")
    seconds: list[float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


if __name__ == "__main__":
    sys.exit(main())
