"""Run everything, end to end, on the simulated insurer, and summarise it for a marketer."""

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt

from features.lake import Lake
from features.progress import Report, quiet
from features.settings import cutoff
from guanjia.terminal.model_tables import model_tables
from guanjia.terminal.options import open_records, read_clock
from guanjia.terminal.output import Table, short_path, table

TODAY = date(2026, 6, 30)  # the last day of the simulated history
LIST, TOP = "renewal_risk", 500


@dataclass
class Demo:
    """Results of the demo.

    Attributes
    ----------
    stars : list of dict
        Number of customers, number of lapsed ones, and mean value by star, best first.
    segments : list of dict
        Number of customers by segment.
    expiring : int
        Customers whose commercial cover ends within 60 days and is not renewed yet.
    leaving : float
        Expected number of these who do not renew: the sum of their probabilities.
    leaving_interval : tuple of float, or None
        95% prediction interval of that number (`training.estimators.level`); None if the model is
        not served.
    doubtful : int
        Number of these who are more likely to leave than to renew.
    insured, churning : int, float
        Customers with motor cover, and the expected number of them who lose it within 180 days.
    churning_interval : tuple of float, or None
        The same of that number.
    models : list of training.fitting.recording.TrainResult
        The trained models.
    kept_out : list of str
        Models whose gates failed: they are not served.
    top : list of dict
        The first five rows of the list, with reasons in words.
    list_file : Path or None
        The list; None if its model is not served.
    rows : int
        Rows of the list.
    broken_bounds : int
        Bounds that the day broke when it was published, which the demo accepts.
    console_user, console_password : str
        Who may log in to the console of this home.
    seconds : dict of str to float
        Step -> seconds it took.
    """

    home: Path
    as_of: date
    customers: int
    stars: list[dict[str, Any]] = field(default_factory=list)
    segments: list[dict[str, Any]] = field(default_factory=list)
    expiring: int = 0
    leaving: float = 0.0
    leaving_interval: tuple[float, float] | None = None
    doubtful: int = 0
    insured: int = 0
    churning: float = 0.0
    churning_interval: tuple[float, float] | None = None
    models: list[Any] = field(default_factory=list)
    kept_out: list[str] = field(default_factory=list)
    top: list[dict[str, Any]] = field(default_factory=list)
    list_file: Path | None = None
    rows: int = 0
    broken_bounds: int = 0
    console_user: str = "demo"
    console_password: str = ""
    seconds: dict[str, float] = field(default_factory=dict)


def begin_demo(lake: Lake, customers: int, seed: int = 1, report: Report = quiet) -> Demo:
    """Simulate, check, tag, rate and segment: all that is possible before a model is trained.

    Parameters
    ----------
    lake : Lake
        An empty home, or one that was simulated.
    customers : int
        Number of customers.
    seed : int
        The same seed gives the same insurer.
    report : Report
        Progress: called with a step, parts done and parts in all.
    """
    from features.checking.check import check_tables
    from features.segments.segments import write_segments
    from features.snapshots.compute import write_snapshot
    from features.sources.simulation.simulate import simulate

    demo = Demo(lake.home, TODAY, customers)
    with timed(demo, "simulate"):
        simulate(lake, customers, seed, report)
    with timed(demo, "check"):
        check_tables(lake, report)
    with timed(demo, "tags"):
        write_snapshot(lake, [TODAY], report)
        demo.stars = _by_star(lake)
    with timed(demo, "segments"):
        demo.segments = [
            {"segment": size.segment, "label": size.label, "customers": size.customers}
            for size in write_segments(lake, TODAY, report=report).segments
        ]
    return demo


def finish_demo(lake: Lake, demo: Demo, report: Report = quiet) -> None:
    """Train, promote, score, publish the day and list; add the results to `demo`.

    Parameters
    ----------
    lake : Lake
        As `begin_demo` left it.
    demo : Demo
        As `begin_demo` returned it.
    report : Report
        Progress: called with a step, parts done and parts in all.
    """
    from features.quality.assess import assess
    from features.quality.files import write_quality
    from guanjia.jobs.handing_out import hand_out
    from guanjia.jobs.publication.findings import Acceptance
    from guanjia.jobs.publication.publish import publish_day
    from serving import clock
    from serving.lists.questions import declared_lists
    from serving.predictions.scoring import score
    from serving.records.contacts.made_contacts import recorded_by
    from serving.touchpoints.triggers import find_due
    from training.fitting.train import train
    from training.models import MODELS
    from training.promotion.promote import promote

    file = lake.home / "lists" / f"{LIST}-{TODAY}.csv"
    end = cutoff(TODAY, lake.settings.timezone)
    with timed(demo, "train"):
        demo.models = list(train(lake, list(MODELS), TODAY, report))
    with timed(demo, "promote"):
        for done, name in enumerate(MODELS):
            report("models promoted", done, len(MODELS))
            act = promote(
                lake, name, who="guanjia demo", why="demo", when=read_clock(), report=report
            )
            demo.kept_out += [] if act.done else [name]
        report("models promoted", len(MODELS), len(MODELS))
    with timed(demo, "score"):
        score(lake, TODAY, report)
    with timed(demo, "publish"):
        write_quality(lake, assess(lake, TODAY, report=report))
        with open_records(lake) as records:
            find_due(lake, TODAY, report, recorded_by(records, lake, TODAY))
        # A handful of customers breaks bounds that are meant for thousands.
        accepted = Acceptance("guanjia demo", "a simulated insurer")
        publication = publish_day(lake, TODAY, end, report, accepted=accepted)
    demo.broken_bounds = len(publication.findings)
    lake = Lake(lake.settings, publication.day)
    with timed(demo, "list"):
        if declared_lists()[LIST][0].name not in demo.kept_out:
            written = hand_out(
                lake,
                LIST,
                TODAY,
                top=TOP,
                out=file,
                who="guanjia demo",
                why="demo",
                at=clock.now(lake.settings),
            )
            demo.list_file, demo.rows, demo.top = file, written.rows, written.preview
    with open_records(lake) as records:
        demo.console_password = let_in(records, demo.console_user)
    summarise(lake, demo)


def let_in(records: Any, user_name: str) -> str:
    """Add a user of the console who may see everything, or give them a new password; return it.

    Parameters
    ----------
    records : Records
        Of the home.
    user_name : str
        The name that logs in.
    """
    from serving.records.users.users import add_user, change_user, find_user

    password = secrets.token_urlsafe(12)
    with records.writing(durable=True) as connection:
        if find_user(connection, user_name) is not None:
            change_user(connection, user_name, read_clock(), password=password)
        else:
            add_user(
                connection,
                user_name,
                password,
                ["administrator"],
                None,
                by="guanjia demo",
                at=read_clock(),
            )
    return password


@contextmanager
def timed(demo: Demo, step: str) -> Iterator[None]:
    """Time a step of the demo."""
    began = time.perf_counter()
    yield
    demo.seconds[step] = round(time.perf_counter() - began, 1)


def top_rows(preview: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Format the first rows of a list for a table: both languages of a reason in one cell."""
    return [
        {name: value for name, value in row.items() if name != "why_english"}
        | {"why": f"{row['why']}\n{row['why_english']}"}
        for row in preview
    ]


def _by_star(lake: Lake) -> list[dict[str, Any]]:
    """Count customers and lapsed ones, with their mean value, by star, best first."""
    from features.snapshots.snapshots import read_snapshot
    from features.snapshots.tag_columns import snapshot_tags
    from features.stars.settings import load_star_settings

    names = {tier.level: tier.label for tier in load_star_settings(lake.home).tiers}
    tags = snapshot_tags(
        lake, read_snapshot(lake, TODAY), ["star_level", "customer_value_exact", "lapsed"]
    )
    rated = tags.filter(tags.star_level.notnull())
    stars = rated.group_by("star_level").aggregate(
        customers=rated.count(),
        lapsed=rated.count(where=rated.lapsed),
        mean_value=rated.customer_value_exact.cast("float64").mean(),
    )
    return [
        {
            "star": f"{row['star_level']} {names[row['star_level']]}",
            "customers": row["customers"],
            "of them lapsed": row["lapsed"],
            "mean value, yuan": round(row["mean_value"] or 0),
        }
        for row in stars.order_by(stars.star_level.desc()).to_pyarrow().to_pylist()
    ]


def summarise(lake: Lake, demo: Demo) -> None:
    """Count the customers who are likely to leave, and add the figures to `demo`."""
    scores = lake.engine.read_parquet(str(lake.data / "scores" / f"as_of={demo.as_of}.parquet"))
    file = lake.tags("underwriting") / f"as_of={demo.as_of}.parquet"
    tags = lake.engine.read_parquet(str(file))
    soon = tags.filter(tags.days_to_commercial_expiry.between(0, 60)).select("customer_id")
    renewal = _predicted(scores.semi_join(soon, "customer_id"), "renewal")
    churn = _predicted(scores, "churn")
    demo.expiring, demo.doubtful = len(renewal), int((renewal < 0.5).sum())
    demo.leaving = round(float((1 - renewal).sum()), 1)
    demo.leaving_interval = _interval(lake, "renewal", 1 - renewal)
    demo.insured, demo.churning = len(churn), round(float(churn.sum()), 1)
    demo.churning_interval = _interval(lake, "churn", churn)


def _predicted(scores: ibis.Table, model: str) -> npt.NDArray[np.float64]:
    """Read the probabilities that a model predicted, shape (customers,)."""
    column = scores.filter(scores[model].notnull())[model].to_pyarrow()
    return np.asarray(column.to_numpy(zero_copy_only=False), np.float64)


def _interval(
    lake: Lake, model: str, probabilities: npt.NDArray[np.float64]
) -> tuple[float, float] | None:
    """Bound how many customers have an outcome that a champion predicts."""
    from training.estimators.bundle import Predictor
    from training.estimators.level import interval_of_total
    from training.registry.champions import champion

    if not len(probabilities):
        return None
    margin = Predictor.load(champion(lake, model)).level_margin
    return None if margin is None else interval_of_total(probabilities, margin)


def show_first_look(demo: Demo) -> list[Table | str]:
    """Show what is known before any model is trained: stars and segments."""
    from training.models import MODELS

    return [
        "",
        _show_stars(demo),
        table("The same customers by segment", demo.segments),
        f"Next, {len(MODELS)} models are trained on seven years of history. That takes minutes.",
        "",
    ]


def _show_stars(demo: Demo) -> Table:
    return table(f"{demo.customers:,} customers by star as of {demo.as_of}", demo.stars)


def show_results(demo: Demo) -> list[Table | str]:
    """Show the results to a marketer, and what to type next."""
    first = demo.top[0]["customer_id"] if demo.top else "CUSTOMER"
    total = sum(demo.seconds.values())
    steps = ", ".join(f"{step} {seconds:.0f} s" for step, seconds in demo.seconds.items())
    return [
        "",
        _show_stars(demo),
        "",
        f"Commercial cover of {demo.expiring:,} customers ends within 60 days and is not renewed "
        f"yet: about {demo.leaving:,.0f} of them will not renew{_between(demo.leaving_interval)}"
        f", {demo.doubtful:,} of them more likely than not.",
        f"Of {demo.insured:,} customers with motor cover, about {demo.churning:,.0f}"
        f"{_between(demo.churning_interval)} will be without it within 180 days.",
        "In brackets: 95% prediction intervals.",
        "",
        *model_tables(demo.models),
        f"Reports with all figures: {_short(demo.home / 'reports')}/<model>/<version>/report.html",
        f"{demo.as_of} is published{_with_broken_bounds(demo)}, for the API, lists and capacity.",
        *([f"Not served, a gate fails: {', '.join(demo.kept_out)}."] if demo.kept_out else []),
        "",
        *_show_list(demo),
        "",
        f"Done in {total:.0f} s: {steps}.",
        "Next:",
        f"  guanjia rate {first} --as-of {demo.as_of}        why this star",
        f'  guanjia list {LIST} --where "star >= 3 and renewal < 0.6" --top 500 --out list.csv',
        "  guanjia train renewal; guanjia compare renewal   a challenger, beside the champion",
        "  guanjia serve                                    API and console, on the morning after:",
        f"      http://127.0.0.1:3000/console   user {demo.console_user}, password "
        f"{demo.console_password} (shown once)",
        "      http://127.0.0.1:3000/docs      with a token of `guanjia token`",
    ]


def _with_broken_bounds(demo: Demo) -> str:
    """Say that the demo accepted broken bounds."""
    return f" with {demo.broken_bounds} broken bounds" if demo.broken_bounds else ""


def _between(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f" ({interval[0]:,.0f} to {interval[1]:,.0f})"


def _show_list(demo: Demo) -> list[Table | str]:
    if demo.list_file is None:
        return [f"No list {LIST}: its model is not served."]
    title = f"Top of {demo.rows:,} on the list {LIST}: {_short(demo.list_file)}"
    why = "why: what lowers this customer's probability of renewal most, by its strongest tags."
    return [table(title, top_rows(demo.top)), why]


def _short(path: Path | None) -> str:
    """Shorten a path below the current folder; a dash for None."""
    return "-" if path is None else short_path(path)
