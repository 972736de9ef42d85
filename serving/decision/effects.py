"""The effect models of a home, asked about one customer."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from features.errors import GuanjiaError
from features.lake import Lake
from training.models import MODELS
from training.uplift.effect_model import EffectModel, load_effect
from training.uplift.randomised_trials import OUTCOME

logger = logging.getLogger(__name__)


class Effects:
    """What treatments change, by the models that `guanjia uplift` wrote; it never changes itself.

    A bundle that is damaged is left out and said so: its touchpoints then work on propensity, or
    on the model that was loaded before.
    """

    def __init__(self, lake: Lake, before: "Effects | None" = None) -> None:
        self._lake = lake
        self.models: dict[str, EffectModel] = {}
        self.refused: dict[str, str] = {}
        folder = lake.home / "effects"
        for path in sorted(folder.glob("*/spec.json")) if folder.exists() else []:
            self._take(path, before)

    def _take(self, path: Path, before: "Effects | None") -> None:
        name, text = path.parent.name, path.read_text("utf-8")
        kept = before.models.get(name) if before else None
        if kept is not None:
            self.models[name] = kept
            if f'"version": "{kept.version}"' in text:
                return
        if before is not None and before.refused.get(name) == text:
            self.refused[name] = text
            return
        try:
            self.models[name] = load_effect(path.parent)
        except GuanjiaError as error:
            self.refused[name] = text
            logger.error("the effect of %s is not used: %s", name, error)

    @property
    def tags(self) -> list[str]:
        """Tags that they read, each once."""
        return list(dict.fromkeys(name for one in self.models.values() for name in one.features))

    @property
    def versions(self) -> dict[str, str]:
        """Treatment -> version."""
        return {name: model.version for name, model in self.models.items()}

    def lower(self, tags: Mapping[str, Any]) -> dict[str, float]:
        """By treatment, the lower bound of its effect on the probability of renewal."""
        if not self.models or not MODELS[OUTCOME].asks_one(tags):
            return {}
        return {name: model.predict_one(tags)[1] for name, model in self.models.items()}
