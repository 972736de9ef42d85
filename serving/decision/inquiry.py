"""What is known of a customer before the records are asked: tags, predictions, effects."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.tags.groups.touch_history import CHANNELS
from serving.decision.effects import Effects
from serving.decision.schemas import DecideRequest
from serving.decision.value import RECENT, UNANSWERED
from serving.predictions.margin import CURRENT, QUOTED, expected_of
from serving.predictions.probabilities import Served, needed_tags, predict_of
from serving.predictions.scoring import STAR_TAGS
from serving.predictions.service import Door
from serving.records.people.consents import Base

CONSENTS = ("marketing_consent", "profiling_consent", "location_consent")
OPT_OUTS = {channel: f"{channel}_opted_out" for channel in CHANNELS}
GATES = ("open_claims", "open_complaints", "wecom_added", "mini_program_bound", "branch")
VALUES = (RECENT, UNANSWERED, QUOTED, CURRENT)


@dataclass(frozen=True)
class Known:
    """What is known of a customer before the records are asked."""

    row: Mapping[str, Any]
    degraded: bool
    models: Mapping[str, Served]
    told: Mapping[str, float | None]
    effects: Mapping[str, float]
    margin: float | None
    effect_versions: Mapping[str, str]


class Inquiry:
    """Asks the door and the effect models; threads share it.

    Parameters
    ----------
    door : Door
    tags : sequence of str
        Further tags that touchpoints read.
    """

    def __init__(self, door: Door, tags: Sequence[str]) -> None:
        self.effects = Effects(door.lake)
        self._door = door
        self._tags = tuple(tags)
        self._asked: tuple[Mapping[str, Served], Effects, tuple[str, ...]] | None = None

    def refresh(self) -> None:
        """Take up effect models that were learned anew; a request has all of them or none."""
        self.effects = self.effects.again()

    def of(self, request: DecideRequest, branches: Collection[str] | None) -> Known:
        """Tags, predictions and effects of the customer."""
        models, effects = self._door.current.now.models, self.effects
        names = self._names(models, effects)
        (row,), degraded = self._door.tags([request.customer_id], names, branches)
        if row["profiling_consent"] is False:
            return Known(row, degraded, models, {}, {}, None, effects.versions)
        answers = predict_of(models, row, request.context.lead_days)
        _, margin = expected_of(row, answers, self._door.lake.settings.expense_share)
        lower = effects.lower(row)
        return Known(row, degraded, models, answers, lower, margin, effects.versions)

    def _names(self, models: Mapping[str, Served], effects: Effects) -> tuple[str, ...]:
        """Tags that decisions read while these models answer."""
        asked = self._asked
        if asked is None or asked[0] is not models or asked[1] is not effects:
            names = [
                *STAR_TAGS,
                *needed_tags(models, explain=False),
                *effects.tags,
                *CONSENTS,
                *OPT_OUTS.values(),
                *GATES,
                *VALUES,
                *self._tags,
            ]
            self._asked = asked = models, effects, tuple(dict.fromkeys(names))
        return asked[2]


def base_of(row: Mapping[str, Any]) -> Base:
    """What the tags know of a customer's consents."""
    return Base(
        known_until=row["freshness"],
        marketing=row["marketing_consent"],
        profiling=row["profiling_consent"],
        location=row["location_consent"],
        opted_out=frozenset(one for one, tag in OPT_OUTS.items() if row[tag]),
    )
