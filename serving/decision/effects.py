"""The effect models of a home, asked about one customer."""

import logging
from collections.abc import Mapping
from typing import Any

from features.errors import GuanjiaError
from features.lake import Lake
from training.models import MODELS
from training.uplift.bundle import EffectModel, load_effect

logger = logging.getLogger(__name__)


class Effects:
    """What treatments change, by the models that `guanjia uplift` wrote.

    A bundle that is damaged is left out and said so: its touchpoints then work on propensity.
    """

    def __init__(self, lake: Lake) -> None:
        self.models: dict[str, EffectModel] = {}
        folder = lake.home / "effects"
        for path in sorted(folder.iterdir()) if folder.exists() else []:
            if not (path / "spec.json").exists():
                continue
            try:
                self.models[path.name] = load_effect(path)
            except GuanjiaError as error:
                logger.error("the effect of %s is not used: %s", path.name, error)

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
        if not self.models or not MODELS["renewal"].asks_of(tags):
            return {}
        return {name: model.tell_of(tags)[1] for name, model in self.models.items()}
