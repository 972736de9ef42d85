"""Remember which definitions Feast's registry of a home has, so that a load need not open Feast.

Importing Feast and writing its registry takes longer than loading the rows of 20,000 customers.
"""

import hashlib
import importlib.metadata
import json
from pathlib import Path

from features.dictionary.phrases import CHINESE, phrases_of
from features.lake import Lake, sha256_of
from features.lake.compiled import code_hash
from features.online.model_tags import SHARED_SETS
from features.publishing import published
from features.tags import catalogue

REGISTRY = "feast/registry.db"
"""Below home; as `features/online/repo/feature_store.yaml` names it."""
FIELDS = ("name", "label", "definition", "unit", "window", "null", "type")


def is_registered(lake: Lake) -> bool:
    """Tell whether the registry is the one that was written for the definitions of today."""
    mark = _mark(lake.home)
    if not (mark.exists() and (lake.home / REGISTRY).exists()):
        return False
    return mark.read_text("utf-8") == _state(lake)


def note_registered(lake: Lake) -> None:
    """Note that the registry, as it is, has the definitions of today."""
    if (lake.home / REGISTRY).exists():
        with published(_mark(lake.home)) as draft:
            draft.write_text(_state(lake), "utf-8")


def _mark(home: Path) -> Path:
    return home / f"{REGISTRY}.of"


def _state(lake: Lake) -> str:
    """Hash all that the registry depends on, and the registry."""
    tags = {
        name: [
            [*(getattr(tag, field) for field in FIELDS), vars(phrases_of(tag, CHINESE))]
            for tag in group.tags.values()
        ]
        for name, group in catalogue.groups().items()
    }
    sets = {chosen.name: chosen.tags for chosen in SHARED_SETS}
    # Views name their files by whole paths.
    place = (str(lake.home.absolute()), lake.settings.offline, lake.settings.online)
    code = (code_hash(), importlib.metadata.version("feast"))
    declared = json.dumps([tags, sets, place, code], ensure_ascii=False)
    state = f"{declared} {sha256_of(lake.home / REGISTRY)}"
    return hashlib.sha256(state.encode()).hexdigest()
