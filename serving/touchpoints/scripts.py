"""Fill in scripts 话术: what to say at a touchpoint, in Chinese and English, with variables.

A script is text with names in braces, `{customer}`, and nothing else: no attribute, no format, no
expression. A value is inserted as it is and never parsed, so a customer whose name is `{plate}`
keeps that name.
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


class BilingualText(Declared):
    """A text in both languages."""

    chinese: str = Field(min_length=1, description="What Chinese readers see.")
    english: str = Field(min_length=1, description="What English readers see.")


class ScriptTemplate(BilingualText):
    """What to say, with variables; both languages use the same ones."""

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
        """Names of the variables, each once, sorted."""
        return sorted(set(NAME.findall(self.chinese)))


class Variable(Declared):
    """A variable of scripts: where its value comes from, and what to say without one."""

    label: str = Field(min_length=1, description="Chinese name.")
    tag: str | None = Field(default=None, description="The tag it is; else who asks must give it.")
    form: Literal["text", "number", "yuan", "date"] = Field(default="text", description="Format.")
    fallback: BilingualText = Field(description="What is said where it is not known.")


@dataclass(frozen=True)
class FilledScript:
    """A script with its variables filled in.

    Attributes
    ----------
    text : str
        What to say.
    missing : list of str
        Variables that were not known, so that their fallback stands in the text.
    """

    text: str
    missing: list[str]


def fill(
    script: ScriptTemplate,
    values: Mapping[str, Any],
    variables: Mapping[str, Variable],
    language: Language = "chinese",
) -> FilledScript:
    """Fill in the variables of a script.

    Parameters
    ----------
    script : ScriptTemplate
        The script.
    values : Mapping[str, object]
        Name -> value; absent or None: not known.
    variables : Mapping[str, Variable]
        All variables that are declared; the script uses no other.
    language : {"chinese", "english"}
        Language of the text.

    Examples
    --------
    >>> script = ScriptTemplate(chinese="{customer}您好", english="Dear {customer}")
    >>> unnamed = BilingualText(chinese="尊敬的客户", english="customer")
    >>> guest = Variable(label="称呼", fallback=unnamed)
    >>> fill(script, {"customer": "张先生"}, {"customer": guest}).text
    '张先生您好'
    >>> fill(script, {}, {"customer": guest}, "english")
    FilledScript(text='Dear customer', missing=['customer'])
    """
    missing = [name for name in script.variables if values.get(name) is None]

    def replacement(match: re.Match[str]) -> str:
        name = match[1]
        if name in missing:
            return str(getattr(variables[name].fallback, language))
        return _format(values[name], variables[name].form, language)

    return FilledScript(NAME.sub(replacement, getattr(script, language)), missing)


def variable_values(
    variables: Mapping[str, Variable],
    tags: Mapping[str, Any],
    context: Mapping[str, Any],
    days_later: int = 0,
) -> dict[str, Any]:
    """Look up the values of all variables that are known.

    Parameters
    ----------
    variables : Mapping[str, Variable]
        All variables that are declared.
    tags : Mapping[str, object]
        The customer's tags of a date.
    context : Mapping[str, object]
        What the caller knows: names, numbers, the plate. It takes precedence over tags.
    days_later : int
        Days from the tags' date to the contact: `days_to_` and `days_since_` move with them.
    """
    values = {}
    for name, variable in variables.items():
        value = context.get(name)
        if value is None and variable.tag:
            value = _moved(variable.tag, tags.get(variable.tag), days_later)
        if value is not None:
            values[name] = value
    return values


def _moved(tag: str, value: Any, days: int) -> Any:
    step = next((step for begin, step in DAY_TAGS.items() if tag.startswith(begin)), 0)
    return value if value is None else value + step * days if step else value


def _format(value: Any, form: str, language: Language) -> str:
    """Format a value as people write it: on one line, whatever a name holds."""
    if form == "number" and isinstance(value, int | float | Decimal):
        return f"{value:,.0f}"
    if form == "yuan" and isinstance(value, int | float | Decimal):
        return f"{value:,.2f}元" if language == "chinese" else f"{value:,.2f} yuan"
    if form == "date" and isinstance(value, date):
        chinese = f"{value.year}年{value.month}月{value.day}日"
        return chinese if language == "chinese" else f"{value.day} {value:%B %Y}"
    return " ".join(str(value).split())
