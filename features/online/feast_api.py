"""Import Feast without setting up its type checks at run time.

Feast decorates its classes with `typeguard.typechecked`, which parses and compiles the module of a
method once a method: four of the six seconds of its import. Other users of typeguard keep it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typeguard


def _unchanged(target: Any = None, **_: Any) -> Any:
    """Decorate with nothing, with or without options."""
    return _without_options if target is None else target


def _without_options(target: Callable[..., Any]) -> Callable[..., Any]:
    """Return what is decorated."""
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
