"""Where Feast keeps its registry: under the home folder, whoever asks.

Feast expands environment variables in `feature_store.yaml` but knows no default for one that is
not set. So the YAML names the class below and `features.online_store`, which place a relative path
under the home folder of `features.settings`: the `feast` command line and `features.store` then
read the same files.
"""

import uuid
from pathlib import Path
from typing import Any

from feast.infra.registry.file import FileRegistryStore
from feast.utils import _utc_now

from features.publishing import published
from features.settings import load

REPO = Path(__file__).resolve().parent / "repo"
PROJECT = REPO.parents[1]


def feast_home() -> Path:
    """The home folder, also while `feast` works from within `features/repo`.

    `feast apply` changes into the folder of its YAML; a home given relative to the working
    directory is then meant relative to the project root, where the command was typed.
    """
    home = load().home
    return PROJECT / home.relative_to(REPO) if home.is_relative_to(REPO) else home


class HomeRegistryStore(FileRegistryStore):
    """The registry file, its path relative to the home folder."""

    def __init__(self, registry_config: Any, repo_path: Path) -> None:
        super().__init__(registry_config, repo_path)
        self._filepath = feast_home() / registry_config.path

    def _write_registry(self, registry_proto: Any) -> None:
        # Feast's own makes one folder level only, and a reader may catch it half-written.
        registry_proto.version_id = str(uuid.uuid4())
        registry_proto.last_updated.FromDatetime(_utc_now())
        with published(self._filepath) as draft:
            draft.write_bytes(registry_proto.SerializeToString())
