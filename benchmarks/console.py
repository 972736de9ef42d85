"""Pages of the console and counts of the list builder, through HTTP, as a browser asks for them.

`guanjia serve` runs over a home (`large_home.py` makes one of a million customers). Somebody logs
in, releases a list, plans a campaign of it, and asks for every page of the menu, as the navigation
of the answer lists them, for one of each kind behind them (a customer, a tag, a list, a release, a
campaign), for every part that a page loads by itself, and for a report with each of its choices. The first look of a process at a page is told apart from the later ones. The peer is the
style page in turn with each later look: it passes the same session and templates, and reads nothing.

Counts: drawn conditions of one to five tests over any tags, scores and segments
(`counts.py`), posted as the builder posts them, each one new to the service. The peer is bare
DuckDB, one query that joins the same files, in the process of the benchmark; both must give the
same number.

`--daily` delivers new rows of 1% of the customers and asks for pages and counts while
`guanjia daily` computes the day after.

Limits: 1 s at the 95th percentile of later looks of every page and of first looks over all pages;
300 ms of the counts.

    python benchmarks/console.py --home HOME
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from html import unescape
from itertools import cycle
from pathlib import Path
from statistics import median

import httpx
import numpy as np
import psutil
import pyarrow.parquet as pq
from counts import Conditions, Peer
from measuring import Measured, compared, finish, say
from serving_speed import free_port, running

from features.condition_forms.condition import Condition
from features.lake import Lake, published_lake
from features.settings import Settings
from serving.lists.conditions.vocabulary import list_vocabulary
from serving.lists.questions import readable_columns
from serving.records.database import Records
from serving.records.users.users import add_user, change_user, find_user

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))
from later_days import deliver

PAGE_MS, COUNT_MS = 1_000, 300
LIST = "renewal_risk"
USER, PASSWORD = "benchmark", "correct horse battery staple"
CHOICES = {
    "/console/reports/monday/part": [f"by={by}" for by in ("team", "manager", "channel", "star")],
    "/console/accounts/part": [f"by={by}" for by in ("manager", "household", "customer")],
}
"""Parts of reports with their choices, beside those that pages load."""
MENU = re.compile(r'<a href="(/console/[^"]*)"')
PART = re.compile(r'data-load="([^"]+)"')
SHARE = 0.01


@dataclass
class Looks:
    """Milliseconds of the looks at one page, and of the style page right after each later one."""

    first: float = 0
    later: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)


class Visitor:
    """A person who is logged in: asks for pages, and measures them."""

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=600)
        form = {"user_name": USER, "password": PASSWORD}
        assert self.client.post("/console/login", data=form).status_code == 303, "no login"
        builder = self.client.get("/console/list-builder").text
        found = re.search(r'name="form_key" value="([^"]+)"', builder)
        assert found, "no key of forms"
        self.form_key = found[1]

    def get(self, path: str) -> tuple[float, str]:
        """Ask for a page; return milliseconds and its text."""
        began = time.perf_counter()
        answer = self.client.get(path)
        taken = (time.perf_counter() - began) * 1_000
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code} {answer.text[:2_000]}")
        return taken, answer.text

    def post(self, path: str, **form: str) -> tuple[float, httpx.Response]:
        """Send a form; return milliseconds and the answer."""
        began = time.perf_counter()
        answer = self.client.post(path, data={"form_key": self.form_key, **form})
        return (time.perf_counter() - began) * 1_000, answer


def main() -> int:
    """Ask for all pages and counts, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True, help="a home with a published day")
    parser.add_argument("--looks", type=int, default=20, help="later looks at each page")
    parser.add_argument("--conditions", type=int, default=100, help="how many are drawn")
    parser.add_argument("--daily", action="store_true", help="while the day after is computed")
    parser.add_argument("--only", help="ask only for pages whose address has this text")
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    asked = parser.parse_args()
    lake = published_lake(Settings(home=asked.home))
    assert lake.day is not None, "no day is published"
    customers = pq.ParquetFile(lake.data / "scores" / f"as_of={lake.day.as_of}.parquet")
    log_in(lake)
    with serving(asked.home, lake.day.as_of) as (url, _):
        pages = [path for path in all_pages(Visitor(url), lake) if (asked.only or "") in path]
    with serving(asked.home, lake.day.as_of) as (url, process):  # that has looked at nothing
        visitor = Visitor(url)
        if asked.daily:
            lines = while_daily(asked, visitor, pages, lake)
        else:
            lines = page_lines(look_at(visitor, pages, asked.looks))
            lines += count_lines(visitor, lake, asked.conditions)
        tree = [process, *process.children(recursive=True)]
        held = sum(one.memory_info().rss for one in tree) / 2**30
        lines.append(Measured("memory of the service", "GiB", held))
    return finish("console", customers.metadata.num_rows, lines, asked.json)


def log_in(lake: Lake) -> None:
    """Let the benchmark in as an administrator."""
    records, now = Records(lake.settings), datetime.now(UTC)
    records.migrate()
    with records.writing(durable=True) as connection:
        if find_user(connection, USER) is None:
            add_user(connection, USER, PASSWORD, ["administrator"], None, by=USER, at=now)
        else:
            change_user(connection, USER, now, password=PASSWORD)
    records.close()


@contextmanager
def serving(home: Path, as_of: date) -> Iterator[tuple[str, psutil.Process]]:
    """Start `guanjia serve` on the morning after the published day."""
    port = free_port()
    now = f"{as_of + timedelta(1)}T09:00+08:00"
    command = [sys.executable, "-c", "from guanjia.cli import main; main()", "serve"]
    command += ["--port", str(port), "--now", now]
    settings = {"GUANJIA_HOME": str(home), "GUANJIA_RATE_PER_SECOND": "1000000"}
    settings |= {"GUANJIA_RATE_BURST": "1000000"}
    url = f"http://127.0.0.1:{port}"
    with (
        tempfile.TemporaryDirectory() as folder,
        running(command, settings, Path(folder) / "serve.log", f"{url}/readyz"),
    ):
        (process,) = [one for one in psutil.Process().children() if str(port) in one.cmdline()]
        yield url, process


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
        f"/console/lists/{LIST}",
        f"/console/lists/{LIST}/why?customer={one}",
        f"/console/lists/{LIST}/behind/sent",
        f"/console/lists/{LIST}/releases/{release}",
        f"/console/campaign-plan?list_name={LIST}&release_id={release}",
        f"/console/campaigns/{campaign}",
    ]


def released(visitor: Visitor) -> str:
    """Find the last release of the list; one is made if there is none."""
    pattern = re.compile(rf"/console/lists/{LIST}/releases/([0-9a-f]+)")
    found = pattern.search(visitor.get(f"/console/lists/{LIST}")[1])
    if found is None:
        say(f"releasing {LIST}")
        taken, answer = visitor.post(f"/console/lists/{LIST}/releases")
        say(f"released in {taken / 1_000:.1f} s")
        found = pattern.search(answer.headers.get("location", ""))
    assert found, f"{LIST} cannot be released"
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


def look_at(visitor: Visitor, pages: list[str], times: int) -> dict[str, Looks]:
    """Look at each page and the parts that it loads: once, then so many times in turns."""
    looks: dict[str, Looks] = {}
    for page in pages:
        waiting = [page]
        for path in waiting:
            if path in looks:
                continue
            taken, text = visitor.get(path)
            looks[path] = Looks(taken)
            say(f"first {taken:7,.0f} ms  {path}")
            waiting += [unescape(part) for part in PART.findall(text)]
            plain = path.partition("?")[0]
            waiting += [f"{plain}?{choice}" for choice in CHOICES.get(plain, ())]
    for _ in range(times):
        for path, found in looks.items():
            found.later.append(visitor.get(path)[0])
            found.peer.append(visitor.get("/console/style")[0])
    return looks


def page_lines(looks: dict[str, Looks]) -> list[Measured]:
    """Make the lines of pages: the first look, and the later ones beside the style page."""
    lines = []
    for path, found in looks.items():
        lines.append(Measured(f"{path}: first", "ms", found.first))
        if found.later:
            lines.append(Measured(f"{path}: p95", "ms", p95(found.later), at_most=PAGE_MS))
            lines.append(compared(f"{path}: beside the style page", "ms", found.later, found.peer))
    firsts = [found.first for found in looks.values()]
    later = [value for found in looks.values() for value in found.later]
    lines.append(Measured("all pages, first looks: p95", "ms", p95(firsts), at_most=PAGE_MS))
    lines.append(Measured("all pages, later looks: p50", "ms", median(later or [0])))
    return lines


def count_lines(visitor: Visitor, lake: Lake, number: int) -> list[Measured]:
    """Count drawn conditions as the builder does, beside DuckDB on the same files."""
    assert lake.day is not None
    day = lake.day.as_of
    drawn = Conditions(lake, day, list_vocabulary(lake, readable_columns(), day))
    peer, ours, theirs = Peer(lake, day), [], []
    for place in range(number):
        condition = drawn.condition(1, 5)
        taken, text = counted(visitor, condition) if place % 2 else (0.0, "")
        bare = peer.count(condition)
        if not place % 2:
            taken, text = counted(visitor, condition)
        if f"<b>{bare.customers:,}</b>" not in text:
            raise SystemExit(f"counts differ: {condition.plain}: {bare.customers}, {text[:1_000]}")
        ours.append(taken)
        theirs.append(bare.wall)
        say(f"{place + 1} of {number}: {ours[-1]:.0f} ms, peer {theirs[-1]:.0f}")
    return [
        Measured("count: first", "ms", ours[0]),
        Measured("count: p50", "ms", median(ours)),
        Measured("count: p95", "ms", p95(ours), at_most=COUNT_MS),
        Measured("count, peer: p95", "ms", p95(theirs)),
        compared("count, beside DuckDB", "ms", ours, theirs),
    ]


def counted(visitor: Visitor, condition: Condition) -> tuple[float, str]:
    """Post a condition as the builder does while somebody types; return milliseconds and text."""
    form = {"where": condition.chinese, "model": "renewal", "channel": "phone"}
    taken, answer = visitor.post("/console/list-builder/look", **form)
    return taken, answer.text


def while_daily(
    asked: argparse.Namespace, visitor: Visitor, pages: list[str], lake: Lake
) -> list[Measured]:
    """Deliver a day, and ask for pages and counts in turn until `guanjia daily` has computed it."""
    assert lake.day is not None
    day, number = lake.day.as_of + timedelta(1), 0
    say(f"delivering {day}: {deliver(asked.home, day, SHARE):,} rows")
    drawn = Conditions(lake, lake.day.as_of, list_vocabulary(lake, readable_columns()))
    looks = look_at(visitor, pages, 0)
    now = f"{day + timedelta(1)}T00:30+08:00"
    command = [sys.executable, "-c", "from guanjia.cli import main; main()"]
    command += ["daily", "--as-of", str(day), "--now", now]
    counts, began = [], time.perf_counter()
    with subprocess.Popen(
        command,
        env=os.environ | {"GUANJIA_HOME": str(asked.home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as daily:
        for path in cycle(looks):
            if daily.poll() is not None:
                break
            looks[path].later.append(visitor.get(path)[0])
            looks[path].peer.append(visitor.get("/console/style")[0])
            counts.append(counted(visitor, drawn.condition(1, 5))[0])
            number += 1
    say(f"the day ended with {daily.returncode}; {number} looks")
    lines = [Measured("the day", "s", time.perf_counter() - began), *page_lines(looks)]
    return [
        *lines,
        Measured("count: p95", "ms", p95(counts)),
        Measured("count: p50", "ms", median(counts)),
    ]


def p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return float(np.percentile(values, 95))


if __name__ == "__main__":
    sys.exit(main())
