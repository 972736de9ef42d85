"""Load the settings of the content check: word lists, patterns, channels, with a home's changes.

All of it is data. A fault in it is reported with the file, the list and the field.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.declared import Declared, one_of, overlay, parse_fields, read_toml
from features.errors import GuanjiaError, did_you_mean
from serving.content.spellings import shortest

HERE = Path(__file__).parent
OWN = "content.toml"
MANUAL = "docs/content.md"
Severity = Literal["block", "review"]
Form = Literal["digits", "letters", "address", "plain", "written"]
ContactChannel = Annotated[str, one_of(CONTACT_CHANNELS)]


class Rule(Declared):
    """How to report a finding: its name, its reason and its severity."""

    name: str = Field(min_length=1, description="English name.")
    label: str = Field(min_length=1, description="Chinese name.")
    why: str = Field(min_length=1, description="The reason, a sentence in English.")
    why_chinese: str = Field(min_length=1, description="The same in Chinese.")
    severity: Severity = Field(description="block: not sent; review: a person looks first.")


class WordList(Rule):
    """Words that make a finding, and phrases in which they are allowed."""

    words: tuple[str, ...] = Field(
        min_length=1,
        description="Words to search for; / between alternatives, … for a gap, # for a number.",
    )
    allowed: tuple[str, ...] = Field(default=(), description="Phrases in which they are allowed.")
    hint: bool = Field(default=False, description="Told only where no other list finds anything.")

    @field_validator("words", "allowed")
    @classmethod
    def _long_enough(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        for word in words:
            if shortest(word) < 2:
                raise ValueError(f"{word!r} has fewer than two letters or digits")
        return words


class Pattern(Rule):
    """A regular expression whose matches are findings."""

    pattern: str = Field(min_length=1, description="Over the text in the form that is named.")
    form: Form = Field(
        default="plain",
        description="letters: letters and digits alone; digits: the same, numbers made whole; "
        "address: with the marks of an address; plain: with all spaces and marks; written: as is.",
    )
    unless: str | None = Field(
        default=None, description="Not found if this is found in the match, in its plain form."
    )
    exempt: Literal["phones", "addresses"] | None = Field(
        default=None, description="Not found if it is one of the sender's own."
    )
    luhn: bool = Field(default=False, description="Whether its digits pass the check of cards.")

    @field_validator("pattern", "unless")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from error
        return pattern


class Denials(Declared):
    """Words by which a text speaks against what it names."""

    before: tuple[str, ...] = Field(default=(), description="Shortly before what it names.")
    anywhere: tuple[str, ...] = Field(default=(), description="Anywhere in the text.")


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
    """In whose name messages go out, and which details of its own they may name."""

    insurer: str = Field(min_length=1, description="The insurer's name as customers know it.")
    signature: str = Field(min_length=2, max_length=20, description="What stands in 【...】.")
    phones: tuple[str, ...] = Field(default=(), description="Numbers that may be named.")
    addresses: tuple[str, ...] = Field(default=(), description="Domains that may be named.")


class ContentSettings(Declared):
    """All settings of the content check."""

    words: dict[str, WordList] = Field(description="Word lists by name.")
    patterns: dict[str, Pattern] = Field(description="Patterns by name.")
    channels: dict[ContactChannel, Channel] = Field(description="Channels by name.")
    denials: Denials = Field(default=Denials(), description="What turns a block into a review.")
    sender: Sender | None = Field(default=None, description="In whose name messages go out.")


def load_content_settings(home: Path) -> ContentSettings:
    """Load what is shipped, with what `<home>/content.toml` adds, replaces and switches off.

    Raises
    ------
    GuanjiaError
        If a file is not TOML, or a section, list or field is unknown, missing or out of range; it
        names file, list and field.
    """
    path = home / OWN
    if not path.exists():
        return shipped_settings()
    shipped, own = _shipped_tables(), read_toml(path)
    words = own.get("words")
    if isinstance(words, Mapping):
        own["words"] = {
            name: _with_more_words(
                f"{path}, field words.{name}", shipped["words"].get(name), fields
            )
            for name, fields in words.items()
        }
    fields = overlay(shipped, own, str(path))
    return parse_fields(ContentSettings, fields, thing=str(path), manual=MANUAL)


def shipped_settings() -> ContentSettings:
    """Load the settings that come with Guanjia."""
    return parse_fields(ContentSettings, _shipped_tables(), thing=str(HERE), manual=MANUAL)


def _shipped_tables() -> dict[str, dict[str, Any]]:
    words: dict[str, Any] = {}
    for path in sorted((HERE / "words").glob("*.toml")):
        words |= read_toml(path)
    return {
        "words": words,
        "patterns": read_toml(HERE / "contact_details.toml"),
        "channels": read_toml(HERE / "channels.toml"),
        "denials": read_toml(HERE / "denials.toml"),
    }


def _with_more_words(thing: str, shipped: Mapping[str, Any] | None, fields: Any) -> Any:
    """Merge a home's fields into a shipped list: words are added, those of `without` removed."""
    if shipped is None or not isinstance(fields, Mapping):
        return fields
    without = fields.get("without", [])
    if not isinstance(without, list):
        raise GuanjiaError(f"{thing}.without", "is no list", "write without = [...]")
    for word in map(str, without):
        if word not in shipped["words"]:
            cure = did_you_mean(word, shipped["words"])
            raise GuanjiaError(f"{thing}.without", f"{word} is not known", cure)
    changed = {name: value for name, value in fields.items() if name != "without"}
    for name in ("words", "allowed"):
        more = fields.get(name, [])
        if isinstance(more, list):
            changed[name] = [*shipped.get(name, []), *more]
    if isinstance(changed["words"], list):
        changed["words"] = [word for word in changed["words"] if word not in without]
    return changed
