"""Hold the effect models of a home, and estimate the effects for one customer."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.errors import GuanjiaError
from features.lake import Lake
from training.models import MODELS
from training.uplift.randomised_trials import OUTCOME

if TYPE_CHECKING:
    # SciPy is loaded where there is an effect model.
    from training.uplift.effect_model import EffectModel

logger = logging.getLogger(__name__)


class Effects:
    """Effect models that `guanjia uplift` wrote, by treatment; immutable once loaded.

    A damaged bundle is left out and logged: its touchpoints then work on propensity, or on the
    model that was loaded before.

    Parameters
    ----------
    lake : Lake
        The home with the bundles.
    before : Effects, optional
        The models of now: unchanged ones are taken over without being loaded again.

    Attributes
    ----------
    models : dict of str to EffectModel
        Treatment -> model.
    refused : dict of str to str
        Treatment -> text of the `spec.json` that could not be loaded.
    """

    def __init__(self, lake: Lake, before: "Effects | None" = None) -> None:
        self._lake = lake
        self.models: dict[str, EffectModel] = {}
        self.refused: dict[str, str] = {}
        folder = lake.home / "effects"
        for path in sorted(folder.glob("*/spec.json")) if folder.exists() else []:
            self._load(path, before)

    def _load(self, path: Path, before: "Effects | None") -> None:
        name, text = path.parent.name, path.read_text("utf-8")
        model = before.models.get(name) if before else None
        if model is not None:
            self.models[name] = model
            if f'"version": "{model.version}"' in text:
                return
        if before is not None and before.refused.get(name) == text:
            self.refused[name] = text
            return
        from training.uplift.effect_model import load_effect

        try:
            self.models[name] = load_effect(path.parent)
        except GuanjiaError as error:
            self.refused[name] = text
            instead = "the effect model before" if model is not None else "propensity"
            logger.error(
                "the effect model of %s cannot be loaded; decisions use %s: %s",
                name, instead, error
            )  # fmt: skip

    @property
    def tags(self) -> list[str]:
        """Tags that the models read, each once."""
        names = (name for model in self.models.values() for name in model.features)
        return list(dict.fromkeys(names))

    @property
    def versions(self) -> dict[str, str]:
        """Treatment -> version."""
        return {name: model.version for name, model in self.models.items()}

    def lower_bounds(self, tags: Mapping[str, Any]) -> dict[str, float]:
        """Estimate the lower bound of each treatment's effect on the probability of renewal."""
        if not self.models or not MODELS[OUTCOME].asks_one(tags):
            return {}
        return {name: model.predict_one(tags)[1] for name, model in self.models.items()}
