"""What sets each cluster apart, in words: its profile, and the name it gets when it is learned.

A cluster's difference in a tag is (its mean - mean of the rest) / standard deviation of all, on the
scale in which distances are measured. The largest ones name the cluster.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from features.tags.catalogue import catalogue
from training.clusters.segmentation import Clusters, Matrix, Segmentation

NAMING_TRAITS = 3
SMALLEST_DIFFERENCE = 0.3
MOSTLY = 0.95
AVERAGE = ("接近平均", "close to the average")
NOBODY = ("无客户", "nobody")


@dataclass(frozen=True)
class Words:
    """What more, less and none of a tag is called, each in Chinese and in English."""

    more: tuple[str, str]
    less: tuple[str, str]
    none: tuple[str, str] | None = None


WORDS = {
    "age_years": Words(("年长", "older"), ("年轻", "younger")),
    "vehicle_age_years": Words(("车较旧", "older cars"), ("车较新", "newer cars")),
    "vehicle_list_price": Words(("车价高", "dearer cars"), ("车价低", "cheaper cars")),
    "motor_premium_in_force": Words(
        ("车险保费高", "large motor premium"), ("车险保费低", "small motor premium")
    ),
    "tenure_years": Words(("留存久", "long with us"), ("投保不久", "new to us")),
    "claims_incurred_36m": Words(
        ("赔款多", "large claims"), ("赔款少", "few claims"), ("无赔款", "no claims")
    ),
    "non_motor_premium_in_force": Words(
        ("持有非车险", "non-motor cover"),
        ("非车险少", "little non-motor"),
        ("无非车险", "no non-motor"),
    ),
    "entitlement_used_count_365d": Words(
        ("常享权", "uses service"), ("少享权", "little service used"), ("未享权", "no service used")
    ),
    "quote_viewed_count_365d": Words(
        ("常看报价", "views quotes"),
        ("少看报价", "few quotes viewed"),
        ("未看报价", "no quotes viewed"),
    ),
}


@dataclass(frozen=True)
class Trait:
    """One tag in which a cluster differs from the rest.

    Attributes
    ----------
    difference : float
        In standard deviations of all customers, on the scale of the segmentation.
    mean, mean_rest : float or None
        Mean of the tag as it is, of those whose tag is not null; None where it is null for all.
    """

    tag: str
    label: str
    unit: str
    chinese: str
    english: str
    difference: float
    mean: float | None
    mean_rest: float | None


@dataclass(frozen=True)
class Cluster:
    """One cluster on one date; `traits` has every input, the largest difference first."""

    cluster: int
    label: str
    name: str
    customers: int
    share: float
    traits: list[Trait]


def named(
    found: Segmentation, columns: Mapping[str, Matrix], clusters: Clusters
) -> tuple[tuple[str, str], ...]:
    """A name for each cluster, Chinese and English, of what sets it apart among these customers."""
    names: list[tuple[str, str]] = []
    for traits in _all_traits(found, columns, clusters):
        names.append(_name(traits, names))
    return tuple(names)


def profile(
    found: Segmentation, columns: Mapping[str, Matrix], clusters: Clusters
) -> list[Cluster]:
    """Describe the clusters of these customers; names are those of when they were learned.

    Parameters
    ----------
    columns : Mapping[str, numpy.ndarray]
        Values by tag of the customers who are in a cluster, null as NaN, shape (rows,).
    clusters : numpy.ndarray
        Their clusters, from 1, shape (rows,).
    """
    sizes = np.bincount(clusters, minlength=len(found.centres) + 1)[1:]
    parts = zip(found.names, sizes, _all_traits(found, columns, clusters), strict=True)
    return [
        Cluster(place, label, name, int(size), int(size) / max(len(clusters), 1), traits)
        for place, ((label, name), size, traits) in enumerate(parts, start=1)
    ]


def _all_traits(
    found: Segmentation, columns: Mapping[str, Matrix], clusters: Clusters
) -> list[list[Trait]]:
    points = found.scaled(columns)
    numbers = range(1, len(found.centres) + 1)
    return [_traits(found, columns, points, clusters == number) for number in numbers]


def _traits(
    found: Segmentation, columns: Mapping[str, Matrix], points: Matrix, inside: Clusters
) -> list[Trait]:
    """Nothing can be said of a cluster that holds nobody, or everybody."""
    if not inside.any() or inside.all():
        return []
    spread = points.std(axis=0)
    apart = points[inside].mean(axis=0) - points[~inside].mean(axis=0)
    traits = []
    for place, one in enumerate(found.inputs):
        values, tag = columns[one.tag], catalogue()[one.tag]
        difference = float(apart[place] / spread[place]) if spread[place] else 0.0
        none = float(np.mean(np.nan_to_num(values[inside]) == 0)) >= MOSTLY
        chinese, english = _word(one.tag, difference, none)
        traits.append(
            Trait(
                tag=one.tag,
                label=tag.label,
                unit=tag.unit,
                chinese=chinese,
                english=english,
                difference=round(difference, 2),
                mean=_mean(values[inside]),
                mean_rest=_mean(values[~inside]),
            )
        )
    return sorted(traits, key=lambda trait: -abs(trait.difference))


def _word(tag: str, difference: float, none: bool) -> tuple[str, str]:
    words = WORDS[tag]
    if difference > 0:
        return words.more
    return words.none if none and words.none else words.less


def _name(traits: list[Trait], taken: list[tuple[str, str]]) -> tuple[str, str]:
    """The words of the largest differences; of one more while another cluster has that name."""
    if not traits:
        return NOBODY
    telling = sum(abs(trait.difference) >= SMALLEST_DIFFERENCE for trait in traits)
    name = AVERAGE
    for count in range(min(telling, NAMING_TRAITS), len(traits) + 1):
        if count:
            used = traits[:count]
            chinese, english = (trait.chinese for trait in used), (trait.english for trait in used)
            name = "、".join(chinese), ", ".join(english)
        if name not in taken:
            break
    return name


def _mean(values: Matrix) -> float | None:
    known = values[~np.isnan(values)]
    return round(float(known.mean()), 4) if len(known) else None
