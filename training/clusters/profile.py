"""Describe what sets clusters apart, and name them by it when they are learned.

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
class TraitWords:
    """Words for more, less and none of a tag, in Chinese and in English."""

    more: tuple[str, str]
    less: tuple[str, str]
    none: tuple[str, str] | None = None


TRAIT_WORDS = {
    "age_years": TraitWords(("年长", "older"), ("年轻", "younger")),
    "vehicle_age_years": TraitWords(("车较旧", "older cars"), ("车较新", "newer cars")),
    "vehicle_list_price": TraitWords(("车价高", "dearer cars"), ("车价低", "cheaper cars")),
    "motor_premium_in_force": TraitWords(
        ("车险保费高", "large motor premium"), ("车险保费低", "small motor premium")
    ),
    "tenure_years": TraitWords(("留存久", "long with us"), ("投保不久", "new to us")),
    "claims_incurred_36m": TraitWords(
        ("赔款多", "large claims"), ("赔款少", "few claims"), ("无赔款", "no claims")
    ),
    "non_motor_premium_in_force": TraitWords(
        ("持有非车险", "non-motor cover"),
        ("非车险少", "little non-motor"),
        ("无非车险", "no non-motor"),
    ),
    "entitlement_used_count_365d": TraitWords(
        ("常享权", "uses service"), ("少享权", "little service used"), ("未享权", "no service used")
    ),
    "quote_viewed_count_365d": TraitWords(
        ("常看报价", "views quotes"),
        ("少看报价", "few quotes viewed"),
        ("未看报价", "no quotes viewed"),
    ),
}


@dataclass(frozen=True)
class Trait:
    """A tag in which a cluster differs from the rest.

    Attributes
    ----------
    tag, label, unit : str
        Name, Chinese label and unit of the tag.
    chinese, english : str
        The difference in words.
    difference : float
        Difference in standard deviations of all customers, on the scale of the segmentation.
    mean, mean_rest : float or None
        Mean of the tag in its own unit, nulls left out; None if it is null for all.
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
    """A cluster on one date; `traits` has every input, the largest difference first."""

    cluster: int
    label: str
    name: str
    customers: int
    share: float
    traits: list[Trait]


def name_clusters(
    segmentation: Segmentation, columns: Mapping[str, Matrix], clusters: Clusters
) -> tuple[tuple[str, str], ...]:
    """Name clusters, in Chinese and English, by what sets them apart among some customers.

    Parameters
    ----------
    segmentation : Segmentation
        The learned clusters.
    columns : Mapping[str, numpy.ndarray]
        Tag -> values of the customers who are in a cluster, null as NaN, shape (rows,).
    clusters : numpy.ndarray
        Their clusters, from 1, shape (rows,).
    """
    names: list[tuple[str, str]] = []
    for traits in _all_traits(segmentation, columns, clusters):
        names.append(_name(traits, names))
    return tuple(names)


def profile(
    segmentation: Segmentation, columns: Mapping[str, Matrix], clusters: Clusters
) -> list[Cluster]:
    """Describe the clusters of some customers; names are those given when they were learned.

    Parameters
    ----------
    segmentation : Segmentation
        The learned clusters.
    columns : Mapping[str, numpy.ndarray]
        Tag -> values of the customers who are in a cluster, null as NaN, shape (rows,).
    clusters : numpy.ndarray
        Their clusters, from 1, shape (rows,).
    """
    sizes = np.bincount(clusters, minlength=len(segmentation.centres) + 1)[1:]
    parts = zip(
        segmentation.names, sizes, _all_traits(segmentation, columns, clusters), strict=True
    )
    return [
        Cluster(place, label, name, int(size), int(size) / max(len(clusters), 1), traits)
        for place, ((label, name), size, traits) in enumerate(parts, start=1)
    ]


def _all_traits(
    segmentation: Segmentation, columns: Mapping[str, Matrix], clusters: Clusters
) -> list[list[Trait]]:
    points = segmentation.scaled(columns)
    numbers = range(1, len(segmentation.centres) + 1)
    return [_traits(segmentation, columns, points, clusters == number) for number in numbers]


def _traits(
    segmentation: Segmentation, columns: Mapping[str, Matrix], points: Matrix, inside: Clusters
) -> list[Trait]:
    """Describe a cluster by every tag; empty if it holds nobody, or everybody."""
    if not inside.any() or inside.all():
        return []
    spread = points.std(axis=0)
    apart = points[inside].mean(axis=0) - points[~inside].mean(axis=0)
    traits = []
    for place, source in enumerate(segmentation.inputs):
        values, tag = columns[source.tag], catalogue()[source.tag]
        difference = float(apart[place] / spread[place]) if spread[place] else 0.0
        none = float(np.mean(np.nan_to_num(values[inside]) == 0)) >= MOSTLY
        chinese, english = _word(source.tag, difference, none)
        traits.append(
            Trait(
                tag=source.tag,
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
    words = TRAIT_WORDS[tag]
    if difference > 0:
        return words.more
    return words.none if none and words.none else words.less


def _name(traits: list[Trait], used_names: list[tuple[str, str]]) -> tuple[str, str]:
    """Join the words of the largest differences, of more while another cluster has the name."""
    if not traits:
        return NOBODY
    telling = sum(abs(trait.difference) >= SMALLEST_DIFFERENCE for trait in traits)
    name = AVERAGE
    for count in range(min(telling, NAMING_TRAITS), len(traits) + 1):
        if count:
            largest = traits[:count]
            chinese = (trait.chinese for trait in largest)
            english = (trait.english for trait in largest)
            name = "、".join(chinese), ", ".join(english)
        if name not in used_names:
            break
    return name


def _mean(values: Matrix) -> float | None:
    known = values[~np.isnan(values)]
    return round(float(known.mean()), 4) if len(known) else None
