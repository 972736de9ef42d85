"""Hold the models that answer requests: an immutable set, replaced when a champion changes.

A request takes the set once, so it is never answered by two versions of a model. In the background
the registry is asked which versions are champion; a new one is fetched, its hashes are checked, and
it is loaded in a process of its own and only then here. MLflow is never asked within a request; if
it does not answer, the set stays and is marked as not confirmed.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from features.errors import GuanjiaError
from features.lake import Lake
from features.tags.catalogue import catalogue
from serving.predictions.probabilities import ServedModel, chain, load_model
from training.models import MODELS
from training.registry import local_models
from training.registry.champions import fetch, no_champion
from training.registry.load_check import LateError, try_loading
from training.registry.mlflow_client import RegistryAwayError
from training.registry.versions import CHAMPION, version_by_alias

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelSet:
    """The models that answer a request.

    Attributes
    ----------
    models : Mapping[str, ServedModel]
        By name, in the order in which they are declared.
    confirmed : bool
        Whether the registry answered which versions are champion.
    """

    models: Mapping[str, ServedModel] = field(default_factory=lambda: MappingProxyType({}))
    confirmed: bool = False


class CurrentModels:
    """The models of now, refreshed in the background; shared by threads.

    Parameters
    ----------
    lake : Lake
        The home with the registry and the local models.

    Attributes
    ----------
    now : ModelSet
        The set that answers requests.

    Raises
    ------
    GuanjiaError
        If no model has a champion.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._loaded: dict[str, ServedModel] = {}
        self._versions: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        self.now = ModelSet()
        self.refresh()
        if not self.now.models:
            raise no_champion(next(iter(MODELS)))

    def number(self, name: str) -> str | None:
        """Return the number in the registry of the version that answers; None: none does."""
        return self._versions.get(name) if name in self.now.models else None

    def refresh(self) -> None:
        """Load new champions; if one cannot be loaded, the version before goes on answering."""
        models, versions, confirmed = dict(self._loaded), dict(self._versions), True
        for name in MODELS:
            version = None
            if confirmed:
                try:
                    version = version_by_alias(self._lake, name, CHAMPION)
                except RegistryAwayError as error:
                    if self.now.confirmed:
                        logger.warning("the models of now go on answering: %s", error)
                    confirmed = False
            if not confirmed:
                version = local_models.champion_version(self._lake, name)
            if version is None or version in (versions.get(name), self._refused.get(name)):
                continue
            meanwhile = "the version before answers" if name in models else "no version answers"
            try:
                models[name] = self._load(name, version)
                versions[name] = version
                given = models[name].predictor.given
                waits = f"waits for a champion of {given}" if given not in ("", *models) else ""
                logger.info("model %s: version %s %s", name, version, waits or "answers now")
            except (RegistryAwayError, LateError) as error:
                logger.warning(
                    "model %s: version %s cannot be taken up yet, %s: %s",
                    name, version, meanwhile, error
                )  # fmt: skip
            except GuanjiaError as error:
                self._refused[name] = version
                logger.error(
                    "model %s: version %s is refused, %s: %s", name, version, meanwhile, error
                )
        self._loaded, self._versions = models, versions
        # In the order they are declared; one assignment, which no request sees half of.
        order = {name: models[name] for name in MODELS if name in models}
        self.now = ModelSet(MappingProxyType(chain(order)), confirmed)

    def _load(self, name: str, version: str) -> ServedModel:
        folder = fetch(self._lake, name, version)
        if local_models.champion_version(self._lake, name) != version:
            # It was never loaded here, and a damaged one would end this process.
            try_loading(folder)
        served = load_model(name, folder)
        unknown = sorted(set(served.predictor.tags) - set(catalogue()))
        if unknown:
            raise GuanjiaError(
                f"version {version} of {name}",
                f"reads tags this release does not have: {', '.join(unknown[:5])}",
                "start the service again with the release that trained it",
            )
        local_models.set_champion(self._lake, name, version)
        return served
