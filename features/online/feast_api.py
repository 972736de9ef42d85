"""Import Feast without setting up its type checks at run time; others of the room import it here.

Feast decorates its classes with `typeguard.typechecked`, which parses and compiles the module of a
method once a method: three of the four seconds of its import. Whichever module imports Feast first
decides, so none does but this one, and the stores that Feast loads by name itself. Other users of
typeguard keep it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typeguard


def _unchanged(target: Any) -> Any:
    """Decorate with nothing."""
    return target


@contextmanager
def _unchecked() -> Iterator[None]:
    """Replace the decorator while Feast is imported."""
    names, decorator = vars(typeguard), typeguard.typechecked
    names["typechecked"] = _unchanged
    try:
        yield
    finally:
        names["typechecked"] = decorator


with _unchecked():
    from feast import (
        Entity,
        FeatureService,
        FeatureStore,
        FeatureView,
        Field,
        FileSource,
        PushSource,
        ValueType,
    )
    from feast.data_format import ParquetFormat
    from feast.data_source import DataSource
    from feast.infra.registry.file import FileRegistryStore
    from feast.repo_config import RepoConfig, load_repo_config
    from feast.types import Bool, Float64, Int64, String
    from feast.utils import _utc_now as feast_now

__all__ = [
    "Bool",
    "DataSource",
    "Entity",
    "FeatureService",
    "FeatureStore",
    "FeatureView",
    "Field",
    "FileRegistryStore",
    "FileSource",
    "Float64",
    "Int64",
    "ParquetFormat",
    "PushSource",
    "RepoConfig",
    "String",
    "ValueType",
    "feast_now",
    "load_repo_config",
]
