"""Declare what is read, not counted: dates of tags, scores and models, and shares of today.

Ages are instants in seconds since 1970: what they are compared with is the clock of Prometheus, so
that a service that stands still does not look young. The instant of a date is its end in the
insurer's time zone. A gauge whose source cannot be read, or is not there yet, is absent.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from prometheus_client.metrics_core import GaugeMetricFamily

GAUGES: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "guanjia_build_info": ("Release of Guanjia that answers; always 1.", ("version",)),
        "guanjia_clock_ahead_seconds": (
            "How far the service's clock is ahead of the real one, at a simulated insurer.",
            (),
        ),
        "guanjia_tags_timestamp_seconds": ("Date of the tags that answers are made from.", ()),
        "guanjia_scores_timestamp_seconds": ("Date of the latest scores.", ()),
        "guanjia_published_timestamp_seconds": (
            "Last good day: the date of the day that readers see.",
            (),
        ),
        "guanjia_published_at_timestamp_seconds": ("When that day was published.", ()),
        "guanjia_model_timestamp_seconds": (
            "When the version that answers was promoted in this home.",
            ("model", "version"),
        ),
        "guanjia_models_confirmed": (
            "1: the registry answered which versions are champions; 0: it does not answer.",
            (),
        ),
        "guanjia_holdout_customers": (
            "Customers who were decided on today, in the holdout (true) or not.",
            ("holdout",),
        ),
        "guanjia_holdout_share_stated": ("Share of the holdout that the policy states.", ()),
        "guanjia_capacity_contacts": (
            "Contacts a day that a branch can make by a channel.",
            ("branch", "channel"),
        ),
        "guanjia_capacity_left_contacts": (
            "What of it is left today; below 0: more contacts have a place than can be made.",
            ("branch", "channel"),
        ),
        "guanjia_records_up": ("1: the records answered a moment ago; 0: they did not.", ()),
        "guanjia_day_timestamp_seconds": (
            "Latest day of which a daily run was begun.",
            (),
        ),
        "guanjia_day_attempts": ("Attempts at that day.", ()),
        "guanjia_day_outcome": (
            "1: how its latest attempt ended; an attempt that runs is `cut off` until it ends.",
            ("outcome",),
        ),
        "guanjia_day_step_began_timestamp_seconds": (
            "When a step of that attempt began.",
            ("step", "outcome"),
        ),
        "guanjia_day_step_seconds": ("How long a step of that attempt took.", ("step",)),
        "guanjia_day_step_rows": (
            "Rows that a step of that attempt wrote or looked at.",
            ("step",),
        ),
    }
)
"""Name -> what it says, and the names of its labels."""

Sample = tuple[str, tuple[str, ...], float]
"""Name of a gauge, values of its labels, value."""


def families(samples: Iterable[Sample]) -> list[GaugeMetricFamily]:
    """Group samples by gauge, in the order in which gauges are declared.

    Parameters
    ----------
    samples : iterable of (str, tuple of str, float)
        Names as in `GAUGES`, values of the labels in their order, values.

    Raises
    ------
    KeyError
        If a gauge is not declared.

    Examples
    --------
    >>> (family,) = families([("guanjia_records_up", (), 1.0)])
    >>> family.name, [sample.value for sample in family.samples]
    ('guanjia_records_up', [1.0])
    """
    grouped: dict[str, GaugeMetricFamily] = {}
    for name, labels, value in samples:
        if name not in grouped:
            words, label_names = GAUGES[name]
            grouped[name] = GaugeMetricFamily(name, words, labels=label_names)
        grouped[name].add_metric(labels, value)
    return [grouped[name] for name in GAUGES if name in grouped]
