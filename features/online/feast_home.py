"""Place Feast's registry and online store under the home folder, or the latter on Redis.

Feast expands environment variables in `feature_store.yaml` but knows no default for one that is
not set. So the YAML names the class below and `features.online.sqlite_store`, which place a
relative path under the home folder of `features.settings`: the `feast` command line and
`features.online.feast_client` then read the same files.
"""

import logging
import uuid
from pathlib import Path
from typing import Any

from features.lake import Lake
from features.lake.spark import spark_session
from features.online.feast_api import FileRegistryStore, RepoConfig, feast_now, load_repo_config
from features.online.store import on_redis, slot_file
from features.publishing import published
from features.settings import load

REPO = Path(__file__).resolve().parent / "repo"
PROJECT = REPO.parents[2]


def feast_home() -> Path:
    """Return the home folder, also while `feast` works from within `features/online/repo`.

    `feast apply` changes into the folder of its YAML; a home given relative to the working
    directory is then meant relative to the project root, where the command was typed.
    """
    home = load().home
    return PROJECT / home.relative_to(REPO) if home.is_relative_to(REPO) else home


class HomeRegistryStore(FileRegistryStore):
    """Feast registry in a file whose path is relative to the home folder."""

    def __init__(self, registry_config: Any, repo_path: Path) -> None:
        super().__init__(registry_config, repo_path)
        self._filepath = feast_home() / registry_config.path

    def _write_registry(self, registry_proto: Any) -> None:
        # Feast's own method makes one folder level only, and a reader may see half a file.
        registry_proto.version_id = str(uuid.uuid4())
        registry_proto.last_updated.FromDatetime(feast_now())
        with published(self._filepath) as draft:
            draft.write_bytes(registry_proto.SerializeToString())


def feast_config(lake: Lake) -> RepoConfig:
    """Read the YAML and point it to a lake's files, online store and offline store."""
    logging.getLogger("feast.repo_config").addFilter(_is_relevant)
    config = load_repo_config(REPO, REPO / "feature_store.yaml")
    # The lake's settings decide where its files are, not the environment.
    config.registry.path = str(lake.home / config.registry.path)
    if on_redis(lake.settings):
        config.online_config = {
            "type": "features.online.redis_store.RedisOnlineStore",
            "url": lake.settings.online,
            "slot": lake.slot,
        }
        config._online_store = None
    else:
        config.online_store.path = str(slot_file(lake.home, lake.slot))
    if lake.settings.offline == "spark":
        spark_session(lake.settings)  # Feast takes the session that is there
        config.offline_config = {"type": "spark"}
        config._offline_store = None
    return config


def _is_relevant(record: logging.LogRecord) -> bool:
    # Feast warns that this setting awaits a SQL registry; that is why it is in the YAML.
    return "serve_features_while_materializing" not in record.getMessage()
