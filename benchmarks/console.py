"""Pages of the console and counts of the list builder, through HTTP, as a browser asks for them.

`guanjia serve` runs over a home (`large_home.py` makes one of a million customers). Somebody logs
in, releases a list, plans a campaign of it, and asks for every page of the menu, as the navigation
of the answer lists them, for one of each kind behind them (a customer, a tag, a list, a release, a
campaign), for every part that a page loads by itself, and for a report with each of its choices.
First looks of a process that has just started are told apart from later ones. Where a part says
that it is being made, the first look is that answer, and how long the making took is told too. The
peer is the style page in turn with each later look: it passes the same session and templates, and
reads nothing.

Counts: drawn conditions of one to five tests over any tags, scores and segments (`counts.py`),
posted as the builder posts them, each new to the service. The peer is bare DuckDB, one query that
joins the same files, in the process of the benchmark; both must give the same number.

`--beside COMMAND` asks for everything while a command of `guanjia` runs over the same home, such
as `"tags --whole --as-of 2026-06-29"`, with that share of the processors which `deploy/` leaves a
day.

Limits, at the 95th percentile: 1 s of the looks at every page and of first looks over all pages;
300 ms of counts. Beside milliseconds by the clock stand those of the service's processors, which
are steadier where others use the machine too.

    python benchmarks/console.py --home HOME
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow.parquet as pq
from counts import Conditions, Peer
from measuring import Measured, compared, finish, say
from visiting import Visitor, log_in, serving

from features.condition_forms.condition import Condition, all_of
from features.condition_forms.structure import Test
from features.lake import Lake, published_lake
from features.settings import Settings
from serving.lists.conditions.vocabulary import list_vocabulary
from serving.lists.questions import readable_columns

PAGE_MS, COUNT_MS = 1_000, 300
LARGE, MODEL = "renewal_risk", "renewal"
"""A list of a twentieth of all customers, and the model of the builder's form."""
LIST = "benchmark"
"""A list of 500 that is released."""
CHOICES = {
    "/console/reports/monday/part": [f"by={by}" for by in ("team", "manager", "channel", "star")],
    "/console/accounts/part": [f"by={by}" for by in ("manager", "household", "customer")],
}
"""Parts of reports with their choices, beside those that pages load."""
DAY_WEIGHT = "7"
"""Of Linux's groups by session: 215 of 1,024, as `CPUWeight=20` of 100 in the unit of the day."""
MENU = re.compile(r'<a href="(/console/[^"]*)"')
PART = re.compile(r'data-load="([^"]+)"')


@dataclass
class Looks:
    """Milliseconds of the looks at one page, by the clock and of the service's processors.

    Attributes
    ----------
    first, made : float
        The first look, and from then until it was there.
    later, busy, peer : list of float
        Later looks, the same of processors, and looks at the style page right after them.
    """

    first: float
    made: float = 0
    later: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)


def main() -> int:
    """Ask for all pages and counts, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True, help="a home with a published day")
    parser.add_argument("--looks", type=int, default=20, help="later looks at each page")
    parser.add_argument("--conditions", type=int, default=100, help="how many are drawn")
    parser.add_argument("--beside", help="a command of guanjia that runs meanwhile")
    parser.add_argument(
        "--defaults", action="store_true", help="leave out the choices of reports: minutes each"
    )
    parser.add_argument("--only", help="ask only for pages whose address has this pattern")
    parser.add_argument("--json", type=Path, help="write the results here too")
    asked = parser.parse_args()
    lake = published_lake(Settings(home=asked.home))
    assert lake.day is not None, "no day is published"
    customers = pq.ParquetFile(lake.data / "scores" / f"as_of={lake.day.as_of}.parquet")
    log_in(lake)
    with serving(asked.home, lake.day.as_of) as (url, process):
        found = all_pages(Visitor(url, process), lake)
    pages = [path for path in found if re.search(asked.only or "", path)]
    with serving(asked.home, lake.day.as_of) as (url, process):  # that has looked at nothing
        visitor = Visitor(url, process)
        looks = look_at(visitor, pages, {} if asked.defaults else CHOICES)
        day = lake.day.as_of
        drawn = Conditions(lake, day, list_vocabulary(lake, readable_columns(), day))
        with beside(asked.home, asked.beside) as still_runs:
            for _ in range(asked.looks):
                look_again(visitor, looks)
            lines = page_lines(looks)
            if asked.conditions:
                lines += count_lines(visitor, drawn, Peer(lake, day), asked.conditions)
            if asked.beside:
                say(f"{asked.beside}: {'still runs' if still_runs() else 'has ended'}")
        tree = [process, *process.children(recursive=True)]
        held = sum(one.memory_info().rss for one in tree) / 2**30
        lines.append(Measured("memory of the service", "GiB", held))
    return finish("console", customers.metadata.num_rows, lines, asked.json)


def all_pages(visitor: Visitor, lake: Lake) -> list[str]:
    """List the menu, and a page of each kind behind it; make what they show where it is not."""
    _, menu = visitor.get("/console/style")
    pages = list(dict.fromkeys(MENU.findall(menu)))
    pages = [path for path in pages if path.count("/") == 2 and "?" not in path]
    assert len(pages) > 15, f"the menu has {pages}"
    customers = pq.ParquetFile(next((lake.data / "scores").glob("*.parquet")))
    ids = customers.read_row_group(0, columns=["customer_id"])["customer_id"].slice(0, 40)
    one = ids[17].as_py()
    release = released(visitor)
    campaign = planned(visitor, release)
    return [
        *pages,
        "/console/list-builder",
        f"/console/customers?q={one}",
        "/console/customers?q=王",
        f"/console/customers/{one}",
        "/console/tags/star_level",
        f"/console/lists/{LARGE}",
        f"/console/lists/{LIST}",
        f"/console/lists/{LIST}/why?customer={one}",
        f"/console/lists/{LIST}/behind/sent",
        f"/console/lists/{LARGE}/why?customer={one}",
        f"/console/lists/{LARGE}/behind/sent",
        f"/console/lists/{LIST}/releases/{release}",
        f"/console/campaign-plan?list_name={LIST}&release_id={release}",
        f"/console/campaigns/{campaign}",
    ]


def released(visitor: Visitor) -> str:
    """Find the last release of the list; one is made if there is none."""
    pattern = re.compile(rf"/console/lists/{LIST}/releases/([0-9a-f]+)")
    found = pattern.search(visitor.client.get(f"/console/lists/{LIST}").text)
    if found is None:
        where = "days_to_commercial_expiry >= 0 and days_to_commercial_expiry <= 7 and star >= 3"
        defined = {"name": LIST, "label": "基准名单", "where": where, "size": "500"}
        visitor.post("/console/list-builder", **defined, model=MODEL, channel="phone")
        say(f"releasing {LIST}")
        taken, answer = visitor.post(f"/console/lists/{LIST}/releases")
        say(f"released in {taken / 1_000:.1f} s")
        found = pattern.search(answer.headers.get("location", ""))
    if found is None:
        raise SystemExit(f"{LIST} cannot be released: {answer.status_code} {answer.text[-1_500:]}")
    return found[1]


def planned(visitor: Visitor, release: str) -> str:
    """Find a campaign; one is planned if there is none."""
    pattern = re.compile(r"/console/campaigns/([a-z][a-z0-9_]*)")
    found = pattern.search(visitor.get("/console/campaigns")[1])
    if found is None:
        _, form = visitor.get(f"/console/campaign-plan?list_name={LIST}&release_id={release}")
        dates = dict(re.findall(r'name="(starts_on|ends_on)"[^>]*value="([^"]+)"', form))
        touchpoint = re.search(r'name="touchpoint"><option value="([^"]+)"', form)
        assert touchpoint, "no touchpoint"
        say("planning a campaign")
        taken, answer = visitor.post(
            "/console/campaign-plan", list_name=LIST, release_id=release, campaign="benchmark",
            label="基准活动", touchpoint=touchpoint[1], effect="5", contact_cost="3.5", looks="3",
            weak_because="a benchmark of the console", against="silence", **dates,
        )  # fmt: skip
        say(f"planned in {taken / 1_000:.1f} s")
        found = pattern.search(answer.headers.get("location", ""))
        if found is None:
            raise SystemExit(f"no campaign can be planned: {answer.text[-2_000:]}")
    return found[1]


def look_at(
    visitor: Visitor, pages: list[str], choices: Mapping[str, list[str]]
) -> dict[str, Looks]:
    """Look at each page and the parts that it loads for the first time."""
    looks: dict[str, Looks] = {}
    for page in pages:
        waiting = [page]
        for path in waiting:
            if path in looks:
                continue
            began = time.perf_counter()
            taken, text = visitor.get(path)
            looks[path] = Looks(taken)
            while "data-after=" in text:
                time.sleep(0.5)
                _, text = visitor.get(path)
                looks[path].made = (time.perf_counter() - began) * 1_000
            say(f"first {taken:7,.0f} ms, made in {looks[path].made:7,.0f} ms  {path}")
            waiting += [unescape(part) for part in PART.findall(text)]
            plain = path.partition("?")[0]
            waiting += [f"{plain}?{choice}" for choice in choices.get(plain, ())]
    return looks


def look_again(visitor: Visitor, looks: dict[str, Looks]) -> None:
    """Look at each page once more, and at the style page in turn."""
    for path, found in looks.items():
        spent = visitor.spent()
        found.later.append(visitor.get(path)[0])
        found.busy.append(visitor.spent() - spent)
        found.peer.append(visitor.get("/console/style")[0])


def page_lines(looks: dict[str, Looks]) -> list[Measured]:
    """Make the lines of pages; say the table."""
    say("first, made, p50, p95, p95 of processors (ms), beside the style page, page")
    lines = []
    for path, found in looks.items():
        ratio = median(one / other for one, other in zip(found.later, found.peer, strict=True))
        say(
            f"{found.first:8,.0f} {found.made:8,.0f} {median(found.later):8,.0f} "
            f"{p95(found.later):8,.0f} {p95(found.busy):8,.0f} {ratio:6.1f}  {path}"
        )
        lines.append(Measured(f"{path}: p95", "ms", p95(found.later), at_most=PAGE_MS))
    firsts = [found.first for found in looks.values()]
    lines.append(Measured("all pages, first looks: p95", "ms", p95(firsts), at_most=PAGE_MS))
    for name in ("later", "busy"):
        values = [value for found in looks.values() for value in getattr(found, name)]
        lines.append(Measured(f"all pages, {name}: p50", "ms", median(values)))
        lines.append(Measured(f"all pages, {name}: p95", "ms", p95(values)))
    later = [value for found in looks.values() for value in found.later]
    peer = [value for found in looks.values() for value in found.peer]
    lines.append(compared("all pages, beside the style page", "ms", later, peer))
    return lines


def count_lines(visitor: Visitor, drawn: Conditions, peer: Peer, number: int) -> list[Measured]:
    """Count drawn conditions as the builder does, beside DuckDB on the same files."""
    scored = Condition(Test(MODEL, "is not null"), drawn.vocabulary)
    ours, busy, theirs = [], [], []
    for place in range(number):
        condition = drawn.condition(1, 5)
        bare = None if place % 2 else peer.count(all_of([scored, condition]))
        spent = visitor.spent()
        taken, text = counted(visitor, condition)
        busy.append(visitor.spent() - spent)
        bare = bare or peer.count(all_of([scored, condition]))
        if f">{bare.customers:,}</b>" not in text:
            raise SystemExit(f"counts differ: {condition.plain}: {bare.customers}, {text[:1_000]}")
        ours.append(taken)
        theirs.append(bare.wall)
        say(f"{place + 1} of {number}: {ours[-1]:.0f} ms, peer {theirs[-1]:.0f}")
    return [
        Measured("count: first", "ms", ours[0]),
        Measured("count: p50", "ms", median(ours)),
        Measured("count: p95", "ms", p95(ours), at_most=COUNT_MS),
        Measured("count, processors: p95", "ms", p95(busy)),
        Measured("count, peer: p95", "ms", p95(theirs)),
        compared("count, beside DuckDB", "ms", ours, theirs),
    ]


def counted(visitor: Visitor, condition: Condition) -> tuple[float, str]:
    """Post a condition as the builder does while somebody types; return milliseconds and text."""
    form = {"where": condition.chinese, "model": MODEL, "channel": "phone"}
    taken, answer = visitor.post("/console/list-builder/look", **form)
    return taken, answer.text


@contextmanager
def beside(home: Path, words: str | None) -> Iterator[Callable[[], bool]]:
    """Run a command over the home; what is yielded says whether it still runs."""
    if words is None:
        yield lambda: False
        return
    command = [sys.executable, "-c", "from guanjia.cli import main; main()", *words.split()]
    with subprocess.Popen(
        command,
        env=os.environ | {"GUANJIA_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as running_command:
        Path(f"/proc/{running_command.pid}/autogroup").write_text(DAY_WEIGHT)
        yield lambda: running_command.poll() is None
        running_command.terminate()


def p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return float(np.percentile(values, 95))


if __name__ == "__main__":
    sys.exit(main())
