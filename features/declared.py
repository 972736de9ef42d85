"""Settings that a company writes in a TOML file of its home folder: read whole, refused by name."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from features.errors import GuanjiaError


class Declared(BaseModel):
    """Settings do not change after they are read, and a misspelt name is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Model = TypeVar("Model", bound=Declared)


def read_declared(path: Path, model: type[Model], whole: str) -> Model:
    """Settings of a TOML file; the defaults where there is no file.

    Parameters
    ----------
    path : Path
        The file.
    model : type of Declared
        What it may say.
    whole : str
        The setting to name when the fault is in how several fit together.

    Raises
    ------
    GuanjiaError
        If the file is not TOML, names an unknown setting, or a value is out of range.
    """
    if not path.exists():
        return model()
    try:
        return model.model_validate(read_toml(path))
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or whole
        raise GuanjiaError(
            f"setting {where} in {path}", first["msg"], "mend it, or delete it to have the default"
        ) from fault


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file says, its fractions as exact decimals.

    Raises
    ------
    GuanjiaError
        If the file is not TOML.
    """
    try:
        # A number of 1.1 is a decimal; as a float it would be 1.100000000000000088817...
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise GuanjiaError(str(path), f"is not valid TOML: {fault}", "mend the line") from fault


def merged(under: Any, over: Any) -> Any:
    """`over` upon `under`: tables field by field, anything else as a whole.

    Examples
    --------
    >>> merged({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 4}})
    {'a': 1, 'b': {'c': 2, 'd': 4}}
    """
    if not (isinstance(under, Mapping) and isinstance(over, Mapping)):
        return over
    return {**under, **{key: merged(under.get(key), value) for key, value in over.items()}}


def declared(model: type[Model], fields: Any, thing: str, example: str) -> Model:
    """What was declared, as the model of its kind.

    Parameters
    ----------
    fields : object
        What the file says: a table, if all is well.
    thing : str
        Where it stands, for the error: "segments.toml, segment gold".
    example : str
        Where to look how it is done: "the segments in segments.toml".

    Raises
    ------
    GuanjiaError
        If a field is unknown, missing or out of range: with its name, and the nearest ones.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as fault:
        raise field_fault(model, fault, thing, example) from fault


def field_fault(
    model: type[BaseModel], fault: ValidationError, thing: str, example: str
) -> GuanjiaError:
    """The first fault, with the field by the name that the file gives it."""
    faults = fault.errors(include_url=False)
    # A field that is misspelt is missing too: say which it was.
    first = next((one for one in faults if one["type"] == "extra_forbidden"), faults[0])
    where = [part for part in first["loc"] if isinstance(part, str)]
    cure = f"write it as {example} have it"
    message = first["msg"].removeprefix("Value error, ")
    if not where:
        return GuanjiaError(thing, message, cure)
    field = f"{thing}, field {'.'.join(where)}"
    if first["type"] == "extra_forbidden":
        known = list(_fields_of(model, where[:-1]))
        near = difflib.get_close_matches(where[-1], known, n=1) or known
        return GuanjiaError(field, "is not known", f"did you mean {', '.join(near)}?")
    if first["type"] == "missing":
        return GuanjiaError(field, "is missing", f"write {where[-1]} = ..., as {example} have it")
    return GuanjiaError(field, message, cure)


def _fields_of(model: type[BaseModel], where: list[str]) -> Iterator[str]:
    """The fields of the model, or of the one that lies so far inside it."""
    found = model
    for part in where:
        if part in found.model_fields:
            found = next(_models_in(found.model_fields[part].annotation), found)
    yield from found.model_fields


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
