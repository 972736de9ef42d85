"""Say what a tag is in the language of the reader.

The English is declared with the tag. The Chinese stands in this folder, outside the code that is
hashed with snapshots (`features.snapshots.definitions`): a better word changes no value.

A file a group holds `name = "definition"`; a name without its window, `claim_count`, is that of all
its windows. Tags that differ in a value are a table: `words`, and each name with its value. In a
definition `{window}` is the window ("近30天内"), `{span}` the same as labels begin ("近30天"),
`{value}` the value, and the name of a tag, with or without the window, its label in quotes.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

from features.declared import read_toml
from features.errors import GuanjiaError, unknown_name
from features.tags.catalogue import catalogue, groups
from features.tags.declare import EVER, Tag

Language = Literal["zh", "en"]
CHINESE: Language = "zh"
ENGLISH: Language = "en"
SHARED = "words"
"""The file of units, windows and nulls; in a table, the definition of its members."""
TIMES = "次数"
"""Labels that end so count times, whatever their unit."""
SPANS = {"days": "天", "months": "个月", "years": "年"}
_SUFFIX = re.compile(r"_(?:\d+[dmy]|ever)$")
_SPAN = re.compile(r"(\d+) (days|months|years)")


class Phrase(NamedTuple):
    """A text and the language it is in, which may not be the one that was meant."""

    text: str
    language: Language

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class TagPhrases:
    """What a tag is: definition, unit, window, and what null means."""

    definition: Phrase
    unit: Phrase
    window: Phrase
    null: Phrase


_declared: dict[str, tuple[str, str]] = {}
"""Tags of extensions -> definition and meaning of null in Chinese."""


@lru_cache(maxsize=2_048)
def phrases_of(tag: Tag, language: str) -> TagPhrases:
    """Say what a tag is; in English where an extension declares no Chinese.

    Parameters
    ----------
    tag : Tag
        The tag.
    language : {"zh", "en"}
        Language of the reader.
    """
    english = (tag.definition, tag.unit, tag.window, tag.null)
    chinese = _chinese(tag) if language == CHINESE else (None,) * 4
    return TagPhrases(
        *(
            Phrase(own, ENGLISH) if translated is None else Phrase(translated, CHINESE)
            for own, translated in zip(english, chinese, strict=True)
        )
    )


def declare_chinese(name: str, definition: str, null: str = "") -> None:
    """Declare what a tag of an extension is, in Chinese.

    Parameters
    ----------
    name : str
        The tag, declared before.
    definition : str
        As in the files of this folder, with the names of tags in braces.
    null : str
        What null means; empty: as of shipped tags that declare the same in English.

    Raises
    ------
    GuanjiaError
        If there is no such tag, or it has a Chinese definition already.
    """
    if name not in catalogue():
        raise unknown_name("tag", name, catalogue())
    if name in _declared or _template(name) is not None:
        raise GuanjiaError(f"tag {name}", "has a Chinese definition already", "leave one out")
    _declared[name] = (definition, null)
    phrases_of.cache_clear()


def entries(group: str) -> Iterator[tuple[str, str, str]]:
    """List what the file of a group declares: name, definition, value.

    Parameters
    ----------
    group : str
        Name of the tag group.
    """
    for name, entry in read_toml(Path(__file__).with_name(f"{group}.toml")).items():
        if isinstance(entry, str):
            yield name, entry, ""
        else:
            words = entry[SHARED]
            yield from ((own, words, value) for own, value in entry.items() if own != SHARED)


def shared_words(kind: Literal["units", "windows", "nulls"]) -> Mapping[str, str]:
    """Return English -> Chinese of units, windows, or meanings of null."""
    words: Mapping[str, str] = _shared()[kind]
    return words


def _chinese(tag: Tag) -> tuple[str | None, str | None, str | None, str | None]:
    span = _span(tag.window)
    template, value = _template(tag.name) or (None, "")
    definition = null = None
    if template is not None:
        within = "历史上" if tag.window == EVER.words else f"{span}内"
        definition = _filled(template, tag.name, window=within, span=span or "", value=value)
    meaning = _declared.get(tag.name, ("", ""))[1] or shared_words("nulls").get(tag.null)
    if meaning is not None:
        null = _filled(meaning, tag.name)
    return definition, _unit(tag), span, null


def _template(name: str) -> tuple[str, str] | None:
    """Return the definition of a tag before it is filled in, and its value."""
    if name in _declared:
        return _declared[name][0], ""
    templates = _templates()
    return templates.get(name) or templates.get(_SUFFIX.sub("", name))


def _unit(tag: Tag) -> str | None:
    unit = shared_words("units").get(tag.unit)
    if unit and tag.label.endswith(TIMES) and not unit.startswith("次"):
        return "次"
    return unit


def _span(window: str) -> str | None:
    match = _SPAN.fullmatch(window)
    if match:
        return f"近{match[1]}{SPANS[match[2]]}"
    return shared_words("windows").get(window)


def _filled(template: str, own: str, **values: str) -> str:
    """Fill in a template; the name of a tag becomes its label."""
    suffix = _SUFFIX.search(own)

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if name in values:
            return values[name]
        known = catalogue()
        if name not in known and suffix:
            name += suffix[0]
        if name not in known:
            raise unknown_name(f"tag in the Chinese definition of {own}:", name, known)
        return f"“{known[name].label}”"

    return re.sub(r"\{(\w+)\}", fill, template)


@cache
def _shared() -> Mapping[str, Mapping[str, str]]:
    return read_toml(Path(__file__).with_name(f"{SHARED}.toml"))


@cache
def _templates() -> Mapping[str, tuple[str, str]]:
    """Return the shipped definitions, as in the files: name -> template and value."""
    return {name: (words, value) for group in groups() for name, words, value in entries(group)}
