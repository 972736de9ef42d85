"""What the gate goes by: word lists, patterns and channels of this folder, and what a home changes.

All of it is data. Whatever is wrong with it is reported with the file, the list and the field.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError, field_validator

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.declared import Declared, read_toml
from features.errors import GuanjiaError
from serving.content.characters import word_form

HERE = Path(__file__).parent
OWN = "content.toml"
Severity = Literal["block", "review"]


class Rule(Declared):
    """What a finding is called and why it is one."""

    name: str = Field(min_length=1, description="English name.")
    label: str = Field(min_length=1, description="Chinese name.")
    why: str = Field(min_length=1, description="The reason, a sentence in English.")
    why_chinese: str = Field(min_length=1, description="The same in Chinese.")
    severity: Severity = Field(description="block: not sent; review: a person looks first.")


class WordList(Rule):
    """Words that make a finding, and phrases in which they do not."""

    words: tuple[str, ...] = Field(min_length=1, description="What is looked for.")
    allowed: tuple[str, ...] = Field(default=(), description="Phrases in which it is in order.")

    @field_validator("words", "allowed")
    @classmethod
    def _long_enough(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        for word in words:
            if len(word_form(word)) < 2:
                raise ValueError(f"{word!r} has fewer than two letters or digits")
        return words


class Pattern(Rule):
    """What a regular expression finds."""

    pattern: str = Field(min_length=1, description="Over the text in one form (plain_form).")
    exempt: Literal["phones", "addresses"] | None = Field(
        default=None, description="Not found if it is one of the sender's own."
    )
    luhn: bool = Field(default=False, description="Whether its digits pass the check of cards.")

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as fault:
            raise ValueError(f"is no regular expression: {fault}") from fault
        return pattern


class Channel(Declared):
    """What a channel can carry and must say."""

    label: str = Field(min_length=1, description="Chinese name.")
    characters_a_part: int | None = Field(default=None, ge=1)
    characters_a_part_of_several: int | None = Field(default=None, ge=1)
    most_parts: int = Field(default=1, ge=1)
    most_bytes: int | None = Field(default=None, ge=1)
    signature: bool = Field(default=False, description="Whether 【...】 begins or ends it.")
    names_insurer: bool = Field(default=False, description="Whether it must say who sends it.")
    opt_out: tuple[str, ...] = Field(default=(), description="Marketing must say one of these.")


class Sender(Declared):
    """In whose name messages go out, and what of his own they may name."""

    insurer: str = Field(min_length=1, description="The insurer's name as customers know it.")
    signature: str = Field(min_length=2, max_length=20, description="What stands in 【...】.")
    phones: tuple[str, ...] = Field(default=(), description="Numbers that may be named.")
    addresses: tuple[str, ...] = Field(default=(), description="Domains that may be named.")


@dataclass(frozen=True)
class ContentSettings:
    """All that the gate goes by."""

    words: Mapping[str, WordList]
    patterns: Mapping[str, Pattern]
    channels: Mapping[str, Channel]
    sender: Sender | None = None


Model = TypeVar("Model", bound=Declared)
SECTIONS = ("sender", "words", "patterns", "channels")


def load_content_settings(home: Path) -> ContentSettings:
    """What is shipped, and what `<home>/content.toml` adds, replaces and switches off.

    Raises
    ------
    GuanjiaError
        If a file is not TOML, or a section, list or field is unknown, missing or out of range: with
        file, list and field.
    """
    shipped = shipped_settings()
    path = home / OWN
    if not path.exists():
        return shipped
    own = read_toml(path)
    for section in own:
        if section not in SECTIONS:
            raise _unknown(f"{path}, section {section}", section, SECTIONS)
    sections = {name: _table(f"{path}, section {name}", own.get(name, {})) for name in SECTIONS}
    sender = sections["sender"]
    return ContentSettings(
        _changed(path, "words", WordList, shipped.words, sections["words"]),
        _changed(path, "patterns", Pattern, shipped.patterns, sections["patterns"]),
        _changed(path, "channels", Channel, shipped.channels, sections["channels"]),
        _model(f"{path}, sender", Sender, sender) if sender else None,
    )


def shipped_settings() -> ContentSettings:
    """What comes with Guanjia."""
    words: dict[str, WordList] = {}
    for path in sorted((HERE / "words").glob("*.toml")):
        words |= _models(path, "words", WordList)
    return ContentSettings(
        words,
        _models(HERE / "contact_details.toml", "patterns", Pattern),
        _models(HERE / "channels.toml", "channels", Channel),
    )


def _models(path: Path, section: str, model: type[Model]) -> dict[str, Model]:
    return {
        name: _model(f"{path}, {section} {name}", model, fields)
        for name, fields in read_toml(path).items()
    }


def _changed(
    path: Path,
    section: str,
    model: type[Model],
    shipped: Mapping[str, Model],
    own: Mapping[str, Any],
) -> dict[str, Model]:
    """The entries of a section as a home has them."""
    found = dict(shipped)
    for name, fields in own.items():
        thing = f"{path}, {section} {name}"
        if section == "channels" and name not in CONTACT_CHANNELS:
            raise _unknown(thing, name, CONTACT_CHANNELS)
        if fields is False:
            if name not in shipped:
                raise _unknown(thing, name, shipped)
            del found[name]
            continue
        given = dict(_table(thing, fields))
        if name in shipped:
            given = _merged(thing, shipped[name], given)
        found[name] = _model(thing, model, given)
    return found


def _merged(thing: str, shipped: Declared, fields: dict[str, Any]) -> dict[str, Any]:
    """A shipped entry with a home's fields: words are added to, `without` takes some away."""
    base = shipped.model_dump()
    without = fields.pop("without", ())
    if not isinstance(shipped, WordList):
        return base | fields | ({"without": without} if without else {})
    for name in ("words", "allowed"):
        more = fields.get(name, [])
        if isinstance(more, list):
            fields[name] = [*base[name], *more]
    if not isinstance(without, list | tuple):
        raise GuanjiaError(f"{thing}, field without", "is no list", "write without = [...]")
    for word in map(str, without):
        if word not in base["words"]:
            raise _unknown(f"{thing}, field without: {word}", word, base["words"])
    if isinstance(fields["words"], list):
        fields["words"] = [word for word in fields["words"] if word not in without]
    return base | fields


def _model(thing: str, model: type[Model], fields: Any) -> Model:
    try:
        return model.model_validate(_table(thing, fields))
    except ValidationError as fault:
        faults = fault.errors(include_url=False)
        # A field that is misspelt is missing too: say which it was.
        first = next((one for one in faults if one["type"] == "extra_forbidden"), faults[0])
        field = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            raise _unknown(f"{thing}, field {field}", field, model.model_fields) from fault
        told = "is missing" if first["type"] == "missing" else first["msg"]
        told = told.removeprefix("Value error, ")
        cure = f"write {field} = ..., as docs/content.md says"
        raise GuanjiaError(f"{thing}, field {field}", told, cure) from fault


def _table(thing: str, fields: Any) -> Mapping[str, Any]:
    if not isinstance(fields, Mapping):
        raise GuanjiaError(thing, "is no table of fields", "write it as docs/content.md says")
    return fields


def _unknown(thing: str, name: str, known: Any) -> GuanjiaError:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5) or list(known)[:12]
    return GuanjiaError(thing, "is not known", f"did you mean {', '.join(near)}?")
