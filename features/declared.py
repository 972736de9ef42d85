"""Read the TOML files that declare settings: the shipped file, and the changes of a home.

Every such file is read by `load_layered`, or by its three steps: `read_toml`, `overlay`,
`parse_fields`. An error always names the file, the field, the fault and the cure.
"""

import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from features.errors import GuanjiaError, InputError, did_you_mean, suggestions

UNKNOWN = "unknown_name"
REFUSED = "refused"
CODE_NAME = "^[a-z][a-z0-9_]"
"""Begins the pattern of names in commands and addresses."""
NO_TABLE = {"dict_type", "mapping_type", "model_type", "model_attributes_type"}


CHINESE_FAULTS: Mapping[str, str] = {
    "greater_than": "须大于 {gt}",
    "greater_than_equal": "须不小于 {ge}",
    "less_than": "须小于 {lt}",
    "less_than_equal": "须不大于 {le}",
    "string_too_short": "至少 {min_length} 个字",
    "string_too_long": "最多 {max_length} 个字",
    "string_pattern_mismatch": "写法不对，须符合 {pattern}",
    "too_short": "至少 {min_length} 项",
    "too_long": "最多 {max_length} 项",
    "int_parsing": "须是整数",
    "int_type": "须是整数",
    "int_from_float": "须是整数",
    "float_parsing": "须是数字",
    "float_type": "须是数字",
    "finite_number": "须是有限的数字",
    "decimal_parsing": "须是数字",
    "bool_parsing": "须是 true 或 false",
    "date_from_datetime_parsing": "须是日期，如 2026-07-03",
    "date_parsing": "须是日期，如 2026-07-03",
    "string_type": "须是文字",
    "missing": "没有填",
    "extra_forbidden": "不认识",
}
"""Fault of a field, as pydantic names it -> what it says in Chinese."""


class Declared(BaseModel):
    """Settings that do not change after they are read; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Model = TypeVar("Model", bound=BaseModel)


def load_layered(
    model: type[Model], home_file: Path, shipped: Path | None = None, *, manual: str
) -> Model:
    """Read the shipped settings, overridden by those of a home's file.

    Parameters
    ----------
    model : type of pydantic model
        The model of the two files together. A field with a default may be missing.
    home_file : Path
        The file of the home folder; it need not exist.
    shipped : Path, optional
        The file that comes with Guanjia; None if the model's defaults are the shipped settings.
    manual : str
        The document that explains the fields, for errors: "docs/star.md".

    Raises
    ------
    GuanjiaError
        If a file is not TOML, leaves out a table that does not exist, or a field is unknown,
        missing or out of range.
    """
    fields: Mapping[str, Any] = read_toml(shipped) if shipped else {}
    path = shipped or home_file
    if home_file.exists():
        path = home_file
        fields = overlay(fields, read_toml(home_file), str(home_file))
    return parse_fields(model, fields, thing=str(path), manual=manual)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file, with fractions as exact decimals.

    Raises
    ------
    GuanjiaError
        If the file is not TOML.
    """
    try:
        # 1.1 is read as a decimal; as a float it would be 1.100000000000000088817...
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise GuanjiaError(str(path), f"is not valid TOML: {fault}", "mend the line") from fault


def merged(under: Any, over: Any) -> Any:
    """Merge `over` into `under`: tables field by field; anything else is replaced.

    Examples
    --------
    >>> merged({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 4}})
    {'a': 1, 'b': {'c': 2, 'd': 4}}
    """
    if not (isinstance(under, Mapping) and isinstance(over, Mapping)):
        return over
    return {**under, **{key: merged(under.get(key), value) for key, value in over.items()}}


def overlay(
    under: Mapping[str, Any], over: Mapping[str, Any], thing: str, *, replace: bool = False
) -> dict[str, Any]:
    """Merge a home's tables into the shipped ones; `false` in place of a table removes it.

    Parameters
    ----------
    under, over : mapping of str to object
        Shipped settings, and those of the home's file.
    thing : str
        Name for the error: the file, and the section if it is one.
    replace : bool
        True if a table of the home replaces the shipped one instead of being merged into it.

    Raises
    ------
    GuanjiaError
        If a table is left out that does not exist.

    Examples
    --------
    >>> shipped = {"day": {"most": 1, "per": "day"}, "week": {"most": 2, "per": "week"}}
    >>> overlay(shipped, {"day": False, "week": {"most": 3}}, "contact_caps.toml")
    {'week': {'most': 3, 'per': 'week'}}
    """
    tables = dict(under)
    for name, value in over.items():
        shipped = under.get(name)
        if value is False and isinstance(shipped, Mapping):
            del tables[name]
        elif value is False and shipped is None and _are_tables(under.values()):
            field, cure = _field(thing, [name]), did_you_mean(name, under)
            raise GuanjiaError(field, "is left out, but does not exist", cure)
        elif isinstance(value, Mapping) and isinstance(shipped, Mapping) and not replace:
            tables[name] = overlay(shipped, value, _field(thing, [name]))
        else:
            tables[name] = value
    return tables


def parse_fields(
    model: type[Model],
    fields: Any,
    *,
    thing: str,
    manual: str,
    labels: Mapping[str, str] | None = None,
) -> Model:
    """Parse the fields of a file into a pydantic model.

    Parameters
    ----------
    model : type of pydantic model
        The model of the fields.
    fields : object
        Content of the file: a table, if the file is right.
    thing : str
        Name for the error: "segments.toml, segment gold".
    manual : str
        The document that explains the fields: "docs/segments.md".
    labels : mapping of str to str, optional
        Field -> what a form calls it in Chinese, if people fill in the fields on a page.

    Raises
    ------
    GuanjiaError
        If a field is unknown, missing or out of range; the error names it, and suggests names for
        a misspelt one.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        # A misspelt field is missing too: report the misspelling.
        misspelt = (fault for fault in faults if fault["type"] in {"extra_forbidden", UNKNOWN})
        fault = next(misspelt, faults[0])
        described = _error(model, fields, fault, thing, manual, labels)
        raise (described if labels is None else InputError.of(described)) from error


def refusal(english: str, chinese: str) -> PydanticCustomError:
    """Make the error that a validator raises, in both languages."""
    words = {"english": english, "chinese": chinese}
    return PydanticCustomError(REFUSED, "{english}", words)


def one_of(known: Callable[[], Collection[str]] | Collection[str]) -> AfterValidator:
    """Make a validator for a field, or for keys of a table, that must be a known name.

    Parameters
    ----------
    known : collection of str, or callable
        The known names; a callable returns them when they are needed.

    Examples
    --------
    >>> from typing import Annotated
    >>> class Limit(Declared):
    ...     channel: Annotated[str, one_of(["phone", "sms"])]
    >>> parse_fields(Limit, {"channel": "fone"}, thing="limits.toml", manual="docs/limits.md")
    Traceback (most recent call last):
    features.errors.GuanjiaError: limits.toml, field channel: fone is not known. Did you mean phone?
    """

    def check(name: str) -> str:
        names = known() if callable(known) else known
        if name in names:
            return name
        cure, chinese_cure = suggestions(name, names)
        words = {"name": name, "cure": cure, "chinese_cure": chinese_cure}
        raise PydanticCustomError(UNKNOWN, "{name} is not known", words)

    return AfterValidator(check)


def _are_tables(values: Collection[Any]) -> bool:
    return bool(values) and all(isinstance(value, Mapping) for value in values)


def _error(
    model: type[BaseModel],
    fields: Any,
    fault: ErrorDetails,
    thing: str,
    manual: str,
    labels: Mapping[str, str] | None,
) -> GuanjiaError:
    """Make the error of a fault, with the field as the file or the form names it.

    Parameters
    ----------
    model, fields, thing, manual, labels
        As in `parse_fields`.
    fault : ErrorDetails
        What pydantic says.
    """
    place = list(_place(fault, fields))
    name = place[-1] if place else ""
    field, kind, context = _field(thing, place), fault["type"], fault.get("ctx", {})
    message = fault["msg"].removeprefix("Value error, ")
    label = _label(labels, place, thing)
    chinese_cure = f"请按 {manual} 改正" if labels is None else "请返回改正"
    if kind == "extra_forbidden":
        cure, alike = suggestions(name, list(_fields_of(model, place[:-1])))
        return GuanjiaError(field, "is not known", cure, chinese=(label, "不存在", alike))
    if kind == "missing" and not name.startswith("number "):
        cure, chinese = f"write {name} = ..., as {manual} says", (label, "没有填", chinese_cure)
        return GuanjiaError(field, "is missing", cure, chinese=chinese)
    if kind in NO_TABLE:
        cure, chinese = f"write a table, as {manual} says", (label, "须是一张表", chinese_cure)
        return GuanjiaError(field, "is no table of fields", cure, chinese=chinese)
    if kind == UNKNOWN:
        chinese = label, f"{fault['input']} 不存在", context["chinese_cure"]
        return GuanjiaError(field, message, context["cure"], chinese=chinese)
    if kind == "literal_error" and isinstance(fault["input"], str):
        allowed = re.findall("'([^']*)'", context["expected"])
        cure, alike = suggestions(fault["input"], allowed)
        chinese = label, f"{fault['input']} 不存在", alike
        return GuanjiaError(field, f"{fault['input']} is not known", cure, chinese=chinese)
    if kind == REFUSED:
        chinese = label, context["chinese"], chinese_cure
    else:
        text = CHINESE_FAULTS.get(kind, "内容不对").format_map(context)
        if str(context.get("pattern", "")).startswith(CODE_NAME):
            text = "只能用小写字母、数字和下划线，并以字母开头"
        chinese = label, text, chinese_cure
    return GuanjiaError(field, message, f"mend it as {manual} says", chinese=chinese)


def _label(labels: Mapping[str, str] | None, place: list[str], thing: str) -> str:
    """Name the field at a place in Chinese: with its file, where the fields have no labels."""
    if labels is None:
        return _field(thing, place).replace(", field ", "，字段 ")
    if not place:
        return "填写的内容"
    return f"“{'.'.join([labels.get(place[0], place[0]), *place[1:]])}”一项"


def _field(thing: str, place: list[str]) -> str:
    """Name the field at a place in the thing, which may be a field itself."""
    if not place:
        return thing
    path = ".".join(place).replace(".number ", " number ")
    return f"{thing}.{path}" if ", field " in thing else f"{thing}, field {path}"


def _place(fault: ErrorDetails, fields: Any) -> Iterator[str]:
    """List the names on the path to the fault, without those that pydantic adds for its own use."""
    here = fields
    for part in fault["loc"]:
        if isinstance(here, Mapping) and part in here:
            here = here[part]
            yield str(part)
        elif isinstance(here, list) and isinstance(part, int):
            here = here[part] if part < len(here) else None
            yield f"number {part + 1}"
        elif fault["type"] == "missing" and isinstance(here, Mapping):
            yield str(part)


def _fields_of(model: type[BaseModel], where: list[str]) -> Iterator[str]:
    """List the fields of a model, or of the model at a path inside it."""
    inner = model
    for part in where:
        if part in inner.model_fields:
            inner = next(_models_in(inner.model_fields[part].annotation), inner)
    yield from inner.model_fields


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
