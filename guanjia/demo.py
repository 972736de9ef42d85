"""Everything, end to end, on the simulated insurer, and what a marketer wants to know of it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from rich.table import Table

from features.lake import Lake
from features.progress import Report, quiet
from guanjia.output import table

TODAY = date(2026, 6, 30)  # the last day of the simulated history
STARS = {5: "钻石", 4: "铂金", 3: "黄金", 2: "白银", 1: "青铜"}
LIST, TOP = "renewal_risk", 500
CROSS_SELL = ("cross_sell_accident", "cross_sell_health", "cross_sell_household")
MODELS = {"renewal": ("renewal",), "churn": ("churn",), "cross-sell": CROSS_SELL}
ALL_MODELS = ("renewal", "churn", *CROSS_SELL)


@dataclass
class Demo:
    """What the demo found.

    Attributes
    ----------
    stars : list of dict
        Customers and their value by star, best first.
    expiring, leaving, churning : int
        Customers whose commercial cover ends within 60 days; those of them with a probability of
        renewal below one half; customers with a probability of churn of at least one half.
    top : list of dict
        The first five of the list, with reasons in words.
    seconds : dict of str to float
        How long each step took.
    """

    home: Path
    as_of: date
    customers: int
    stars: list[dict[str, Any]] = field(default_factory=list)
    expiring: int = 0
    leaving: int = 0
    churning: int = 0
    models: list[Any] = field(default_factory=list)
    top: list[dict[str, Any]] = field(default_factory=list)
    list_file: Path | None = None
    seconds: dict[str, float] = field(default_factory=dict)


def run_demo(lake: Lake, customers: int, seed: int = 1, report: Report = quiet) -> Demo:
    """Simulate, check, tag, load online, train, score and list."""
    from features.check import check_tables
    from features.sources.simulated import simulate
    from features.store import materialize
    from features.tagging import write_snapshot
    from serving.lists import write_list
    from serving.scoring import score
    from training.train import train

    demo = Demo(lake.home, TODAY, customers)
    file = lake.home / "lists" / f"{LIST}-{TODAY}.csv"
    with timed(demo, "simulate"):
        simulate(lake, customers, seed, report)
    with timed(demo, "check"):
        check_tables(lake, report)
    with timed(demo, "tags"):
        write_snapshot(lake, [TODAY], report)
    with timed(demo, "materialize"):
        materialize(lake, TODAY, report)
    with timed(demo, "train"):
        demo.models = list(train(lake, ALL_MODELS, TODAY, report))
    with timed(demo, "score"):
        score(lake, TODAY, report)
    with timed(demo, "list"):
        written = write_list(lake, LIST, TODAY, top=TOP, out=file)
    demo.list_file = file
    demo.top = written.preview
    summarise(lake, demo)
    return demo


@contextmanager
def timed(demo: Demo, step: str) -> Iterator[None]:
    """Note how long a step took."""
    began = time.perf_counter()
    yield
    demo.seconds[step] = round(time.perf_counter() - began, 1)


def model_rows(results: Sequence[Any]) -> list[dict[str, Any]]:
    """One row a model, for a table."""
    return [
        {
            "model": one.model,
            "label": one.label,
            "version": one.version,
            "AUC": one.figures.auc,
            "of the true probabilities": one.truth_auc,
            **{name: peer.get("auc") for name, peer in one.baselines.items()},
        }
        for one in results
    ]


def summarise(lake: Lake, demo: Demo) -> None:
    """Count what a marketer asks first: which stars, and who is likely to leave."""
    scores = lake.engine.read_parquet(str(lake.home / "scores" / f"as_of={demo.as_of}.parquet"))
    stars = scores.group_by(["star_level", "star_name"]).aggregate(
        customers=scores.count(), mean_value=scores.customer_value.cast("float64").mean()
    )
    rows = stars.order_by(stars.star_level.desc()).to_pyarrow().to_pylist()
    demo.stars = [
        {
            "star": row["star_level"],
            "name": STARS.get(row["star_level"], row["star_name"]),
            "customers": row["customers"],
            "mean value, yuan": round(row["mean_value"] or 0),
        }
        for row in rows
    ]
    file = lake.tags("underwriting") / f"as_of={demo.as_of}.parquet"
    tags = lake.engine.read_parquet(str(file))
    soon = tags.filter(tags.days_to_commercial_expiry.between(0, 60)).select("customer_id")
    counts = scores.semi_join(soon, "customer_id")
    demo.expiring = int(counts.count().execute())
    demo.leaving = int(counts.filter(counts.renewal < 0.5).count().execute())
    demo.churning = int(scores.filter(scores.churn >= 0.5).count().execute())


def story(demo: Demo) -> list[Table | str]:
    """The result as a marketer reads it, and what to type next."""
    first = demo.top[0]["customer_id"] if demo.top else "CUSTOMER"
    total = sum(demo.seconds.values())
    steps = ", ".join(f"{step} {seconds:.0f} s" for step, seconds in demo.seconds.items())
    return [
        "",
        table(f"{demo.customers:,} customers by star as of {demo.as_of}", demo.stars),
        "",
        f"Expiring within 60 days: {demo.expiring:,} customers; "
        f"{demo.leaving:,} of them are more likely to leave than to renew.",
        f"Likely to be without motor cover within 180 days: {demo.churning:,} customers.",
        "",
        table("Models, measured on the last slice of time", model_rows(demo.models)),
        "",
        table(f"Top of the list {LIST}, all of it in {_short(demo.list_file)}", demo.top),
        "",
        f"Done in {total:.0f} s: {steps}.",
        "Next:",
        f"  guanjia rate {first} --as-of {demo.as_of}        why this star",
        f'  guanjia list {LIST} --where "star >= 3 and renewal < 0.6" --top 500 --out list.csv',
        "  guanjia token; guanjia serve                     the API, with its pages at /docs",
    ]


def _short(path: Path | None) -> str:
    """The path from here, where it lies below here."""
    if path is None:
        return "-"
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
