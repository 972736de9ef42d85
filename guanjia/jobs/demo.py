"""Run everything, end to end, on the simulated insurer, and summarise it for a marketer."""

import secrets
import time
from collections.abc import Iterator
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
from guanjia.terminal.options import open_records, read_clock

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
        # The trees as declared: a search costs more than the demo's training, and gains little.
        demo.models = list(train(lake, list(MODELS), TODAY, report, tuning_seconds=0))
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
