"""Learn clusters of customers with motor cover by a few tags, and assign customers to them.

k-means on robustly scaled tags. Learned once and stored as JSON (inputs with scales, centres), so
that every later snapshot is assigned to the same clusters, at the cost of one small product of
matrices. The number of clusters is the one of 4 to 8 with the largest mean silhouette on a sample.
BIC of a Gaussian mixture is no criterion here: it falls without end on amounts that most customers
have none of.

How an input is scaled: an amount or a count becomes log(1 + x), negative ones count as 0; null
becomes the value the input declares for it; then (x - median) / spread, the spread being the
interquartile range divided by that of a normal distribution with standard deviation 1, or the
standard deviation where more than half are alike; at last clipped to 3 on both sides, so that no
single customer moves a centre far.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from features.errors import GuanjiaError
from features.progress import Report, quiet
from features.publishing import published
from features.tags.catalogue import catalogue

SEED = 7
OTHER_SEEDS = (8, 9, 10, 11)
CLUSTERS = range(4, 9)
LEARNING_ROWS = 50_000
SILHOUETTE_ROWS = 5_000
FEWEST_ROWS = 100
CLIP = 3.0
NORMAL_IQR = 1.349
DECIMALS = 6
ELIGIBLE = "motor_policies_in_force > 0"
CURE = "run `guanjia clusters --learn`"

Matrix = npt.NDArray[np.float64]
Clusters = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Input:
    """A tag that customers are clustered by.

    Attributes
    ----------
    tag : str
        Name of the tag.
    scale : {"log", "plain"}
        "log" for amounts and counts, which are skewed.
    null : {"zero", "median"}
        Value of a null: "zero" if it means none, "median" if the value is unknown.
    """

    tag: str
    scale: Literal["log", "plain"]
    null: Literal["zero", "median"]


INPUTS = (
    Input("age_years", "plain", "median"),
    Input("vehicle_age_years", "plain", "median"),
    Input("vehicle_list_price", "log", "median"),
    Input("motor_premium_in_force", "log", "zero"),
    Input("tenure_years", "plain", "zero"),
    Input("claims_incurred_36m", "log", "zero"),
    Input("non_motor_premium_in_force", "log", "zero"),
    Input("entitlement_used_count_365d", "log", "zero"),
    Input("quote_viewed_count_365d", "log", "zero"),
)


@dataclass(frozen=True)
class FittedInput:
    """An input with the numbers that scale it; `fill` stands for null, on the input's scale."""

    tag: str
    scale: str
    fill: float
    median: float
    spread: float

    def scaled(self, values: Matrix) -> Matrix:
        """Scale values of the tag, null as NaN, for distances; shape (rows,)."""
        numbers = _on_scale(values, self.scale)
        numbers = np.where(np.isnan(numbers), self.fill, numbers)
        return np.clip((numbers - self.median) / self.spread, -CLIP, CLIP)


@dataclass(frozen=True)
class Segmentation:
    """Learned clusters.

    Attributes
    ----------
    version : str
        Hash of eligibility, inputs and centres, which decide the assignment.
    eligible : str
        Condition over tags; only customers that meet it are in a cluster.
    inputs : tuple of FittedInput
        Tags with their scales.
    centres : tuple of tuple of float
        Centre by cluster, in the order of the inputs; the largest cluster first.
    left_out : tuple of str
        Inputs that were null, or the same, for everyone.
    silhouette : dict[int, float]
        Mean silhouette on the sample by number of clusters, between -1 and 1.
    seeds_agree : tuple of float
        Adjusted Rand index of this clustering and those from other seeds; 1: the same.
    customers : int
        Number of customers it was learned from, before sampling.
    snapshot_id : str
        Identity of the snapshot it was learned from.
    names : tuple of (str, str)
        Chinese and English name by cluster.
    """

    version: str
    eligible: str
    inputs: tuple[FittedInput, ...]
    centres: tuple[tuple[float, ...], ...]
    left_out: tuple[str, ...]
    silhouette: dict[int, float]
    seeds_agree: tuple[float, ...]
    customers: int
    snapshot_id: str
    names: tuple[tuple[str, str], ...] = ()

    def scaled(self, columns: Mapping[str, Matrix]) -> Matrix:
        """Scale the inputs for distances, shape (rows, inputs)."""
        return np.column_stack([source.scaled(columns[source.tag]) for source in self.inputs])

    def assign(self, columns: Mapping[str, Matrix]) -> Clusters:
        """Assign rows to the nearest centre, the first of equal ones; clusters from 1."""
        centres = np.asarray(self.centres)
        points = self.scaled(columns)
        distances = (centres**2).sum(axis=1) - 2 * points @ centres.T
        return np.asarray(distances.argmin(axis=1) + 1, dtype=np.int64)


def learn(
    columns: Mapping[str, Matrix], snapshot_id: str, report: Report = quiet, seed: int = SEED
) -> Segmentation:
    """Learn clusters from tags of eligible customers in a fixed order.

    Parameters
    ----------
    columns : Mapping[str, numpy.ndarray]
        Tag -> values, null as NaN, shape (rows,). More than 50,000 rows are sampled.
    snapshot_id : str
        Identity of the snapshot they are from.
    report : Report
        Called with progress.
    seed : int
        Random seed.

    Raises
    ------
    GuanjiaError
        If there are too few customers, or they differ too little.
    """
    # Imported here: what reads the inputs alone, as `guanjia lineage` does, would wait for it.
    from sklearn.metrics import adjusted_rand_score, silhouette_score

    rows = len(next(iter(columns.values())))
    random = np.random.default_rng(seed)
    if rows > LEARNING_ROWS:
        chosen = np.sort(random.choice(rows, LEARNING_ROWS, replace=False))
        columns = {tag: values[chosen] for tag, values in columns.items()}
    fitted = [_fit(source, columns[source.tag]) for source in INPUTS]
    inputs = tuple(source for source in fitted if source is not None)
    left_out = tuple(source.tag for source, fit in zip(INPUTS, fitted, strict=True) if fit is None)
    scaled = [source.scaled(columns[source.tag]) for source in inputs]
    points = np.column_stack(scaled or [np.zeros(rows)])
    if rows < FEWEST_ROWS or len(np.unique(points, axis=0)) <= CLUSTERS[-1]:
        fault = f"cannot be told apart: {rows:,} with motor cover, by {len(inputs)} tags"
        raise GuanjiaError("customers", fault, "compute tags of more customers or tables")
    steps = len(CLUSTERS) + len(OTHER_SEEDS)
    sample = random.permutation(len(points))[:SILHOUETTE_ROWS]
    models, silhouette = {}, {}
    for done, count in enumerate(CLUSTERS):
        report("clusters", done, steps)
        models[count] = _clustered(points, count, seed)
        labels = models[count].labels_[sample]
        silhouette[count] = round(float(silhouette_score(points[sample], labels)), 3)
    best = max(CLUSTERS, key=lambda count: silhouette[count])
    agreed = []
    for done, other in enumerate(OTHER_SEEDS):
        report("clusters", len(CLUSTERS) + done, steps)
        labels = _clustered(points, best, other + seed - SEED).labels_
        agreed.append(round(float(adjusted_rand_score(models[best].labels_, labels)), 3))
    report("clusters", steps, steps)
    centres = _ordered(models[best])
    content = json.dumps([ELIGIBLE, [asdict(source) for source in inputs], centres])
    return Segmentation(
        version=hashlib.sha256(content.encode()).hexdigest()[:12],
        eligible=ELIGIBLE,
        inputs=inputs,
        centres=centres,
        left_out=left_out,
        silhouette=silhouette,
        seeds_agree=tuple(agreed),
        customers=rows,
        snapshot_id=snapshot_id,
    )


def write_segmentation(path: Path, segmentation: Segmentation) -> None:
    """Write a segmentation as JSON, completely or not at all."""
    with published(path) as draft:
        text = json.dumps(asdict(segmentation), ensure_ascii=False, indent=1) + "\n"
        draft.write_text(text, encoding="utf-8")


def read_segmentation(path: Path) -> Segmentation:
    """Read a segmentation that was written.

    Raises
    ------
    GuanjiaError
        If it is missing or damaged, or reads tags that are no longer declared.
    """
    thing = f"segmentation {path}"
    if not path.exists():
        raise GuanjiaError(thing, "is not there", CURE)
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        content["inputs"] = tuple(FittedInput(**row) for row in content["inputs"])
        for field in ("centres", "names"):
            content[field] = tuple(tuple(row) for row in content[field])
        for field in ("left_out", "seeds_agree"):
            content[field] = tuple(content[field])
        content["silhouette"] = {int(k): value for k, value in content["silhouette"].items()}
        segmentation = Segmentation(**content)
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise GuanjiaError(thing, f"cannot be read ({fault})", CURE) from fault
    unknown = [source.tag for source in segmentation.inputs if source.tag not in catalogue()]
    if unknown:
        raise GuanjiaError(thing, f"reads the tag {unknown[0]}, which is not declared", CURE)
    return segmentation


def _on_scale(values: Matrix, scale: str) -> Matrix:
    return np.log1p(np.maximum(values, 0)) if scale == "log" else values


def _fit(source: Input, values: Matrix) -> FittedInput | None:
    """Fit the scale of an input; None if it is null, or the same, for everyone."""
    numbers = _on_scale(values, source.scale)
    if np.isnan(numbers).all():
        return None
    fill = 0.0 if source.null == "zero" else float(np.nanmedian(numbers))
    numbers = np.where(np.isnan(numbers), fill, numbers)
    low, median, high = np.percentile(numbers, [25, 50, 75])
    spread = (high - low) / NORMAL_IQR or numbers.std()
    if spread < 10**-DECIMALS:
        return None
    rounded = (round(float(number), DECIMALS) for number in (fill, median, spread))
    return FittedInput(source.tag, source.scale, *rounded)


def _clustered(points: Matrix, count: int, seed: int) -> Any:
    from sklearn.cluster import KMeans  # before the limit, which holds what is loaded by then

    # One thread: the threads of k-means waste time in busy waiting where cores are shared.
    with threadpool_limits(1):
        return KMeans(count, n_init=10, random_state=seed).fit(points)


def _ordered(model: Any) -> tuple[tuple[float, ...], ...]:
    """Sort centres by number of customers, and round off digits that differ by machine."""
    centres = [tuple(round(float(x), DECIMALS) for x in row) for row in model.cluster_centers_]
    sizes = np.bincount(model.labels_, minlength=len(centres))
    return tuple(centres[place] for place in sorted(range(len(centres)), key=lambda p: -sizes[p]))
