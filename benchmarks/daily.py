"""A day of 20,000 customers of whom 1% changed: processor time of `guanjia daily`.

The insurer is simulated; `guanjia demo` made its models, and two days are delivered: contacts,
quotes, trips and complaints of 1% of the customers each (`tests/support/later_days.py`), one row in
twenty late. The first day is run and not measured. The second is run on copies of the home, in
turns: ours in one process, and as a peer the nine commands that do the same. Processor time is user
and system time of all processes; what ours takes is also compared with a Python that imports DuckDB
(0.13 s on an ordinary machine, where the limit is 25 s).

`--days N` measures nothing: it runs N days of 60 customers twice, once quietly and once with a
kill, a broken delivery and a missed day in every four, and compares the bytes of the last day.
"""

import argparse
import os
import shutil
import sys
import tempfile
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from commands import GUANJIA, PEER, PEER_SECONDS, run
from measuring import alternate, arguments, compared, finish, say

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))
from later_days import deliver
from small_days import cut_policies, day_of, derived_bytes, killed_at, prepare, published
from small_days import deliver as deliver_small

SHARE = 0.01
SECONDS = 25
CHAIN = (
    "erase --pending",
    "check --now NOW",
    "tags --as-of DAY --now NOW",
    "quality --as-of DAY",
    "segments --as-of DAY",
    "score --as-of DAY",
    "contacts --as-of DAY",
    "triggers --as-of DAY",
    "publish --as-of DAY --now NOW",
)
"""The peer: what `guanjia daily` does, as commands."""
DAILY = ("daily --as-of DAY --now NOW",)


def main() -> int:
    """Measure a day, or compare many days that went wrong with days that did not."""
    if "--days" in sys.argv:
        parser = argparse.ArgumentParser()
        parser.add_argument("--days", type=int, required=True)
        return compare_days(parser.parse_args().days)
    asked = arguments(__doc__ or "", customers=20_000, repeats=1)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="guanjia-bench-") as scratch:
        home = (asked.home or Path(scratch)) / str(asked.customers)
        if not (home / "scores").exists():
            say(f"making the demo of {asked.customers:,} customers")
            os.environ["GUANJIA_HOME"] = str(home)
            run([*GUANJIA, "demo", "--customers", str(asked.customers)], 0)
        base = Path(scratch) / "base"
        shutil.copytree(home, base, symlinks=True)
        first = date.fromisoformat(max(path.stem for path in (base / "snapshots").glob("*.json")))
        day = first + timedelta(1)
        say(f"the day before: {deliver(base, day, SHARE):,} rows")
        run_lines(base, day, DAILY)
        day += timedelta(1)
        say(f"the day that is measured: {deliver(base, day, SHARE):,} rows")
        ours = partial(on_copy, base, Path(scratch), day, DAILY)
        chain, bare = alternate(
            ours, partial(on_copy, base, Path(scratch), day, CHAIN), asked.repeats
        )
        _, peer = alternate(partial(run, PEER, 0), partial(run, PEER, 0), asked.repeats)
        lines = [
            compared("a day, beside nine commands", "s", chain, bare, at_most=0.9),
            compared(
                "a day, beside a Python", "s", chain, peer,
                at_most=round(SECONDS / PEER_SECONDS),
            ),
        ]  # fmt: skip
    return finish("daily", asked.customers, lines, asked.json)


def run_lines(home: Path, day: date, lines: tuple[str, ...]) -> float:
    """Run commands on a home; return their processor seconds.

    Parameters
    ----------
    home : Path
        The home.
    day : date
        Written for DAY; NOW is half an hour after it, in Shanghai.
    lines : tuple of str
        What follows `guanjia`.
    """
    os.environ["GUANJIA_HOME"] = str(home)
    now = f"{day + timedelta(1)}T00:30+08:00"
    return sum(
        run([*GUANJIA, *line.replace("DAY", str(day)).replace("NOW", now).split()], 0)
        for line in lines
    )


def on_copy(base: Path, scratch: Path, day: date, lines: tuple[str, ...]) -> float:
    """Run commands on a copy of a home; copying is not measured."""
    home = scratch / "copy"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(base, home, symlinks=True)
    return run_lines(home, day, lines)


def compare_days(days: int) -> int:
    """Run days that go wrong beside days that do not; return 1 if the last ones differ.

    Parameters
    ----------
    days : int
        How many; the last one goes through.
    """
    with tempfile.TemporaryDirectory(prefix="guanjia-bench-") as scratch:
        quiet, rough = Path(scratch) / "quiet", Path(scratch) / "rough"
        for home in (quiet, rough):
            prepare(home)
        for number in range(days):
            for home in (quiet, rough):
                deliver_small(home, number)
            run_lines(quiet, day_of(number), ("daily --as-of DAY",))
            # One in four is killed, one missed, one broken; the last two go through.
            trouble = ("kill", "miss", "break", "none")[number % 4] if number < days - 2 else "none"
            _trouble(rough, number, trouble)
            say(f"day {number + 1} of {days}: {trouble}; published {published(rough)}")
        one, other = (derived_bytes(home, days - 1) for home in (quiet, rough))
    different = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    print(f"{days} days, {len(one)} files of the last: {len(different)} differ {different}")
    return 1 if different else 0


def _trouble(home: Path, number: int, trouble: str) -> None:
    """Run a day with trouble, and once more where it needs it."""
    os.environ["GUANJIA_HOME"] = str(home)
    day, line = day_of(number), ("daily --as-of DAY",)
    if trouble == "miss":
        return
    if trouble == "kill":
        killed_at(home, number, "tags" if number % 8 else "publish")
    if trouble == "break":
        cut_policies(home, 0.4)
        run([*GUANJIA, *line[0].replace("DAY", str(day)).split()], 1)
        cut_policies(home, 1)
    run_lines(home, day, line)


if __name__ == "__main__":
    sys.exit(main())
