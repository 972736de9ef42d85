"""Fill in scripts 话术: what to say at a touchpoint, in Chinese and English, with variables.

A script is text with names in braces, `{customer}`, and nothing else: no attribute, no format, no
expression. A value is inserted as it is and never parsed, so a customer whose name is `{plate}`
keeps that name.
"""

import re
from collections.abc import Mapping, Sequence
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


class BilingualText(Declared):
    """A text in both languages."""

    chinese: str = Field(min_length=1, description="What Chinese readers see.")
    english: str = Field(min_length=1, description="What English readers see.")


class ScriptTemplate(BilingualText):
    """What to say, with variables; both languages use the same ones.

    A card of the mini-program has a title above the text, and a button below it.
    """

    title: BilingualText | None = Field(default=None, description="Heading of a card.")
    button: BilingualText | None = Field(default=None, description="Words of its button.")

    @model_validator(mode="after")
    def _uses_names_alone(self) -> Self:
        for part in self.parts:
            for text in (part.chinese, part.english):
                if BRACES.search(NAME.sub("", text)):
                    raise ValueError(f"may use {{name}} alone between braces: {text}")
            apart = set(NAME.findall(part.chinese)) ^ set(NAME.findall(part.english))
            if apart:
                raise ValueError(f"uses {min(apart)} in one language only")
        return self

    @property
    def parts(self) -> list[BilingualText]:
        """Title, text and button, as far as there are."""
        return [part for part in (self.title, self, self.button) if part is not None]

    @property
    def variables(self) -> list[str]:
        """Names of the variables, each once, sorted."""
        return sorted({name for part in self.parts for name in NAME.findall(part.chinese)})

    def unknown(self, values: Mapping[str, Any], variables: Mapping[str, "Variable"]) -> list[str]:
        """List the variables without which this cannot be said: no value, and no other words.

        Parameters
        ----------
        values : Mapping[str, object]
            Name -> value; absent or None: not known.
        variables : Mapping[str, Variable]
            All variables that are declared.
        """
        absent = (name for name in self.variables if values.get(name) is None)
        return [name for name in absent if variables[name].fallback is None]


@dataclass(frozen=True)
class Wording:
    """A value that reads differently in the two languages."""

    chinese: str
    english: str


class Variable(Declared):
    """A variable of scripts: where its value comes from, and what to say without one."""

    label: str = Field(min_length=1, description="Chinese name.")
    tag: str | None = Field(default=None, description="The tag it is.")
    source: str = Field(
        default="", description="What Guanjia takes it from; without tag and source: who asks."
    )
    form: Literal["text", "number", "yuan", "date"] = Field(default="text", description="Format.")
    fallback: BilingualText | None = Field(
        default=None,
        description="What is said where it is not known; none: the script is not used then.",
    )


@dataclass(frozen=True)
class FilledScript:
    """A script with its variables filled in.

    Attributes
    ----------
    text : str
        What to say.
    missing : list of str
        Variables that were not known, so that their fallback stands in the text.
    title, button : str or None
        Of a card of the app.
    """

    text: str
    missing: list[str]
    title: str | None = None
    button: str | None = None


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
        The script; `ScriptTemplate.unknown` has no variable of it.
    values : Mapping[str, object]
        Name -> value; absent or None: not known.
    variables : Mapping[str, Variable]
        All variables that are declared; the script uses no other.
    language : {"chinese", "english"}
        Language of the text.

    Raises
    ------
    ValueError
        If a variable is not known and has no fallback.

    Examples
    --------
    >>> script = ScriptTemplate(chinese="{customer}您好", english="Dear {customer}")
    >>> unnamed = BilingualText(chinese="尊敬的客户", english="customer")
    >>> guest = Variable(label="称呼", fallback=unnamed)
    >>> fill(script, {"customer": "张先生"}, {"customer": guest}).text
    '张先生您好'
    >>> fill(script, {}, {"customer": guest}, "english").text
    'Dear customer'
    """
    unknown = script.unknown(values, variables)
    if unknown:
        raise ValueError(f"{', '.join(unknown)} is not known, and has no other words")

    def replacement(match: re.Match[str]) -> str:
        name = match[1]
        if values.get(name) is None:
            return str(getattr(variables[name].fallback, language))
        return _format(values[name], variables[name].form, language)

    def filled(part: BilingualText | None) -> str | None:
        return None if part is None else NAME.sub(replacement, getattr(part, language))

    missing = [name for name in script.variables if values.get(name) is None]
    text = NAME.sub(replacement, getattr(script, language))
    return FilledScript(text, missing, filled(script.title), filled(script.button))


def first_usable(
    scripts: Sequence[ScriptTemplate], values: Mapping[str, Any], variables: Mapping[str, Variable]
) -> ScriptTemplate | None:
    """Choose the first of several scripts that can be said with what is known; None: none can.

    Parameters
    ----------
    scripts : sequence of ScriptTemplate
        The scripts of a channel, best first.
    values : Mapping[str, object]
        Name -> value; absent or None: not known.
    variables : Mapping[str, Variable]
        All variables that are declared.
    """
    return next((script for script in scripts if not script.unknown(values, variables)), None)


def variable_values(
    variables: Mapping[str, Variable],
    tags: Mapping[str, Any],
    context: Mapping[str, Any],
) -> dict[str, Any]:
    """Look up the values of all variables that are known.

    Parameters
    ----------
    variables : Mapping[str, Variable]
        All variables that are declared.
    tags : Mapping[str, object]
        The customer's tags as they stand on the day of the contact (`tag_days.tags_on`).
    context : Mapping[str, object]
        What the caller knows: names, numbers, the plate. It takes precedence over tags.
    """
    values = {}
    for name, variable in variables.items():
        value = context.get(name)
        if value is None and variable.tag:
            value = tags.get(variable.tag)
        if value is not None:
            values[name] = value
    return values


def _format(value: Any, form: str, language: Language) -> str:
    """Format a value as people write it: on one line, whatever a name holds."""
    if isinstance(value, Wording):
        value = getattr(value, language)
    if form == "number" and isinstance(value, int | float | Decimal):
        return f"{value:,.0f}"
    if form == "yuan" and isinstance(value, int | float | Decimal):
        return f"{value:,.2f}元" if language == "chinese" else f"{value:,.2f} yuan"
    if form == "date" and isinstance(value, date):
        chinese = f"{value.year}年{value.month}月{value.day}日"
        return chinese if language == "chinese" else f"{value.day} {value:%B %Y}"
    return " ".join(str(value).split())
