"""Scripts 话术: what is said at a touchpoint, in Chinese and English, with variables filled in.

A script is text with names in braces, `{customer}`, and nothing else: no attribute, no format, no
expression. A value is put in as it is and never read again, so a customer who is called `{plate}`
stays one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from features.declared import Declared

Language = Literal["chinese", "english"]
LANGUAGES: tuple[Language, ...] = ("chinese", "english")
NAME = re.compile(r"\{([a-z][a-z0-9_]*)\}")
BRACES = re.compile(r"[{}]")
DAY_TAGS = {"days_since_": 1, "days_to_": -1}


class Words(Declared):
    """The same in both languages."""

    chinese: str = Field(min_length=1, description="What Chinese readers see.")
    english: str = Field(min_length=1, description="What English readers see.")


class Script(Words):
    """What is said, with variables; both languages use the same ones."""

    @model_validator(mode="after")
    def _uses_names_alone(self) -> Self:
        for text in (self.chinese, self.english):
            if BRACES.search(NAME.sub("", text)):
                raise ValueError(f"may use {{name}} alone between braces: {text}")
        apart = set(NAME.findall(self.chinese)) ^ set(NAME.findall(self.english))
        if apart:
            raise ValueError(f"uses {min(apart)} in one language only")
        return self

    @property
    def variables(self) -> list[str]:
        """The names it uses, each once."""
        return sorted(set(NAME.findall(self.chinese)))


class Variable(Declared):
    """Where the value of a name comes from, and what is said without it."""

    label: str = Field(min_length=1, description="Chinese name.")
    tag: str | None = Field(default=None, description="The tag it is; else who asks must give it.")
    form: Literal["text", "number", "yuan", "date"] = Field(default="text", description="Format.")
    fallback: Words = Field(description="What is said where it is not known.")


@dataclass(frozen=True)
class Filled:
    """A script with its values.

    Attributes
    ----------
    text : str
        What to say.
    missing : list of str
        Variables that were not known: their fallback was said.
    """

    text: str
    missing: list[str]


def fill(
    script: Script,
    values: Mapping[str, Any],
    variables: Mapping[str, Variable],
    language: Language = "chinese",
) -> Filled:
    """Put the values into a script.

    Parameters
    ----------
    values : Mapping
        Name -> value; absent or None is not known.
    variables : Mapping
        All names that are declared: the script uses no other.

    Examples
    --------
    >>> script = Script(chinese="{customer}您好", english="Dear {customer}")
    >>> guest = Variable(label="称呼", fallback=Words(chinese="尊敬的客户", english="customer"))
    >>> fill(script, {"customer": "张先生"}, {"customer": guest}).text
    '张先生您好'
    >>> fill(script, {}, {"customer": guest}, "english")
    Filled(text='Dear customer', missing=['customer'])
    """
    missing = [name for name in script.variables if values.get(name) is None]

    def said(found: re.Match[str]) -> str:
        name = found[1]
        if name in missing:
            return str(getattr(variables[name].fallback, language))
        return _written(values[name], variables[name].form, language)

    return Filled(NAME.sub(said, getattr(script, language)), missing)


def values_of(
    variables: Mapping[str, Variable],
    tags: Mapping[str, Any],
    context: Mapping[str, Any],
    days_later: int = 0,
) -> dict[str, Any]:
    """The values of all variables that are known.

    Parameters
    ----------
    tags : Mapping
        The customer's tags of a date.
    context : Mapping
        What is known of the moment: names, numbers, the plate. It goes before a tag.
    days_later : int
        Days from the tags' date to the contact: `days_to_` and `days_since_` move with them.
    """
    found = {}
    for name, variable in variables.items():
        value = context.get(name)
        if value is None and variable.tag:
            value = _moved(variable.tag, tags.get(variable.tag), days_later)
        if value is not None:
            found[name] = value
    return found


def _moved(tag: str, value: Any, days: int) -> Any:
    step = next((step for begin, step in DAY_TAGS.items() if tag.startswith(begin)), 0)
    return value if value is None else value + step * days if step else value


def _written(value: Any, form: str, language: Language) -> str:
    """A value as it is said: one line, whatever a name holds."""
    if form == "number" and isinstance(value, int | float | Decimal):
        return f"{value:,.0f}"
    if form == "yuan" and isinstance(value, int | float | Decimal):
        return f"{value:,.2f}元" if language == "chinese" else f"{value:,.2f} yuan"
    if form == "date" and isinstance(value, date):
        chinese = f"{value.year}年{value.month}月{value.day}日"
        return chinese if language == "chinese" else f"{value.day} {value:%B %Y}"
    return " ".join(str(value).split())
