"""Import Feast without setting up its type checks at run time.

Feast decorates its classes with `typeguard.typechecked`, which parses and compiles the module of a
method once a method: four of the six seconds of its import. Other users of typeguard keep it.
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
    from feast import FeatureStore

__all__ = ["FeatureStore"]
