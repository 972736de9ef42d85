"""Occasions of contacts that no tag tells: holidays 节日 and weather warnings 特殊天气.

Both are of the calendar, not of a customer. Holidays are declared with the touchpoints, a day each
year. Warnings come and go: whoever receives them from the weather service, a person or a program,
writes them to `weather.toml` in the home folder and takes them out when they are over:

    [[warning]]
    kind = "rainstorm"                  # of [weather] in touchpoints.toml
    level = "orange"                    # blue, yellow, orange or red
    begins = 2026-07-19
    ends = 2026-07-20
    branches = ["B03", "B07"]           # left out: everywhere
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from features.declared import Declared, parse_fields, read_toml
from features.errors import GuanjiaError, did_you_mean
from serving.touchpoints.fields import WEATHER_LEVELS, Shared

FILE = "weather.toml"
MANUAL = "docs/triggers.md"


@dataclass(frozen=True)
class Occasion:
    """One holiday of a year, or one warning.

    Attributes
    ----------
    begins, ends : date
        First and last day, inclusive.
    branches : tuple of str
        Where; everywhere if empty.
    """

    kind: Literal["holiday", "weather"]
    label: str
    english: str
    begins: date
    ends: date
    branches: tuple[str, ...] = ()

    def timely(self, day: date, days_before: int) -> bool:
        """Whether a contact about it is timely on a day."""
        return self.begins - timedelta(days_before) <= day <= self.ends


class WeatherWarning(Declared):
    """A warning as it is written down."""

    kind: str = Field(description="A kind of [weather].")
    level: Literal["blue", "yellow", "orange", "red"] = Field(description="How serious.")
    begins: date = Field(description="First day.")
    ends: date = Field(description="Last day, inclusive.")
    branches: tuple[str, ...] = Field(default=(), description="Where; left out: everywhere.")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.ends < self.begins:
            raise ValueError("ends before it begins")
        return self


def occasions(shared: Shared, home: Path) -> list[Occasion]:
    """All holidays declared and all warnings written down that are serious enough to tell of.

    Raises
    ------
    GuanjiaError
        If `weather.toml` is not TOML, or a warning is not as it must be: with its number and field.
    """
    holidays = [
        Occasion("holiday", one.label, one.english, day, day)
        for one in shared.holidays.values()
        for day in one.days
    ]
    return sorted([*holidays, *_warnings(shared, home / FILE)], key=lambda one: one.begins)


def undeclared(shared: Shared, day: date) -> bool:
    """Whether no holiday is declared for the year of a day: somebody has to add that year."""
    return day.year not in {
        one.year for holiday in shared.holidays.values() for one in holiday.days
    }


def _warnings(shared: Shared, path: Path) -> Iterable[Occasion]:
    said = read_toml(path) if path.exists() else {}
    listed = said.pop("warning", [])
    if said or not isinstance(listed, list):
        thing = f"{path}, {next(iter(said), 'warning')}"
        raise GuanjiaError(thing, "is no list of warnings", "begin each with a line [[warning]]")
    for number, fields in enumerate(listed, start=1):
        thing = f"{path}, warning {number}"
        warning = parse_fields(WeatherWarning, fields, thing=thing, manual=MANUAL)
        if warning.kind not in shared.weather:
            cure = did_you_mean(warning.kind, shared.weather)
            raise GuanjiaError(f"{thing}, field kind", f"{warning.kind} is not known", cure)
        kind = shared.weather[warning.kind]
        if WEATHER_LEVELS.index(warning.level) >= WEATHER_LEVELS.index(kind.least):
            yield Occasion(
                "weather", kind.label, kind.english, warning.begins, warning.ends, warning.branches
            )
