"""What the benchmarks share: a simulated insurer, alternating measurement, and the verdict.

Ours and the peer take turns, and who goes first changes every round, so that whatever else the
machine does hits both. A ratio belongs to one round; what is reported is the median of the rounds
and how far they spread. Seconds are shown for orientation and decide nothing.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from statistics import median

from features import settings
from features.checking.check import check_tables
from features.lake import Lake
from features.snapshots.compute import write_snapshot
from features.sources.simulation.simulate import simulate

# As the command line has it: idle threads of OpenMP sleep.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
SEED = 1
Step = Callable[[], object]
Measure = Callable[[], float]


@dataclass(frozen=True)
class Measured:
    """One line of a benchmark's table.

    Attributes
    ----------
    what, unit : str
        What was measured, in which unit `ours` and `peer` are.
    ours, peer : float
        Medians over the rounds; no peer where only ours is reported.
    ratio, lowest, highest : float
        Median and spread of the rounds' ratios, in the sense of the limit.
    at_most, at_least : float
        The limit of the ratio, or of `ours` where there is no peer; neither: reported only.
    """

    what: str
    unit: str
    ours: float
    peer: float | None = None
    ratio: float | None = None
    lowest: float | None = None
    highest: float | None = None
    at_most: float | None = None
    at_least: float | None = None

    @property
    def kept(self) -> bool:
        """Whether the limit holds; true where there is none."""
        value = self.ours if self.ratio is None else self.ratio
        low = self.at_least is None or value >= self.at_least
        return low and (self.at_most is None or value <= self.at_most)


def arguments(about: str, customers: int | list[int], repeats: int) -> argparse.Namespace:
    """The command line every benchmark has: --customers, --home, --repeats, --json.

    Several sizes as default let several be asked for.
    """
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    several = "+" if isinstance(customers, list) else None
    parser.add_argument(
        "--customers", type=int, nargs=several, default=customers, help="of the simulated insurer"
    )
    parser.add_argument("--home", type=Path, help="keep the insurer here, in a folder by its size")
    parser.add_argument("--repeats", type=int, default=repeats, help="rounds of ours and peer")
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="ibis")
    return parser.parse_args()


@contextmanager
def insurer(asked: argparse.Namespace, customers: int | None = None) -> Iterator[Lake]:
    """The checked tables of a simulated insurer, which go with the block unless `--home` is given.

    A home that has checked tables keeps them.

    Parameters
    ----------
    customers : int, optional
        One of the sizes asked for, where there are several.
    """
    customers = customers or asked.customers
    with tempfile.TemporaryDirectory(prefix="guanjia-bench-") as scratch:
        os.environ["GUANJIA_HOME"] = str((asked.home or Path(scratch)) / str(customers))
        lake = Lake(settings.load())
        if not lake.has("customers"):
            say(f"simulating {customers:,} customers")
            simulate(lake, customers, SEED)
            say("checking the tables")
            check_tables(lake)
        yield lake


def snapshot(lake: Lake, as_of: date) -> None:
    """The tags of a date, unless they are there."""
    if not (lake.home / "snapshots" / f"{as_of}.json").exists():
        say(f"computing the tags of {as_of}")
        write_snapshot(lake, [as_of])


def alternate(ours: Measure, peer: Measure, repeats: int) -> tuple[list[float], list[float]]:
    """What ours and the peer measure, round by round, after a run of each that does not count."""
    ours()
    peer()
    found: tuple[list[float], list[float]] = ([], [])
    for turn in range(repeats):
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            found[side].append(peer() if side else ours())
        told = ", ".join(_number(values[-1]) for values in found)
        say(f"round {turn + 1} of {repeats}, ours and peer: {told}")
    return found


def seconds(step: Step) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def processor_seconds(step: Step) -> float:
    """How much of all processors one call takes: on a busy machine steadier than the clock."""
    began = time.process_time()
    step()
    return time.process_time() - began


def compared(
    what: str,
    unit: str,
    ours: list[float],
    peer: list[float],
    at_most: float | None = None,
    at_least: float | None = None,
) -> Measured:
    """A line from paired measurements; the ratio is ours / peer of each round."""
    ratios = [one / other for one, other in zip(ours, peer, strict=True)]
    return Measured(
        what, unit, median(ours), median(peer), median(ratios), min(ratios), max(ratios),
        at_most, at_least,
    )  # fmt: skip


def finish(
    name: str,
    customers: int | list[int],
    lines: list[Measured],
    target: Path | None,
    of: str = "customers",
) -> int:
    """Print the table, write the JSON file if asked; return 1 if a limit broke, else 0."""
    sizes = customers if isinstance(customers, list) else [customers]
    rows = [("measured", "unit", "ours", "peer", "ratio", "spread", "limit", "")]
    rows += [_row(line) for line in lines]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    print(f"benchmarks/{name}.py, {' and '.join(f'{size:,}' for size in sizes)} {of}")
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    if target is not None:
        told = [{**asdict(line), "kept": line.kept} for line in lines]
        content = {"benchmark": name, "customers": customers, "measured": told}
        target.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 0 if all(line.kept for line in lines) else 1


def say(words: str) -> None:
    """Progress, on stderr."""
    print(words, file=sys.stderr, flush=True)


def _row(line: Measured) -> tuple[str, ...]:
    limit = ""
    if line.at_most is not None and line.at_least is not None:
        limit = f"{line.at_least:g}..{line.at_most:g}"
    elif line.at_most is not None:
        limit = f"<= {line.at_most:g}"
    elif line.at_least is not None:
        limit = f">= {line.at_least:g}"
    spread = "" if line.lowest is None else f"{line.lowest:.2f}..{line.highest:.2f}"
    ratio = "" if line.ratio is None else f"{line.ratio:.2f}"
    peer = "" if line.peer is None else _number(line.peer)
    verdict = "" if not limit else "kept" if line.kept else "BROKEN"
    return (line.what, line.unit, _number(line.ours), peer, ratio, spread, limit, verdict)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
