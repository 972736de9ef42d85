"""Load occasions of contacts that no tag knows: holidays 节日 and weather warnings 特殊天气.

Both belong to the calendar, not to a customer. Holidays are declared with the touchpoints, one day
a year. Warnings come and go: a person or a program that receives them from the weather service
writes them to `weather.toml` in the home folder and removes them when they are over:

    [[warning]]
    kind = "rainstorm"                  # of [weather] in touchpoints.toml
    level = "orange"                    # blue, yellow, orange or red
    begins = 2026-07-19
    ends = 2026-07-20
    branches = ["B03", "B07"]           # left out: everywhere
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from features.declared import Declared, parse_fields, read_toml
from features.errors import GuanjiaError, did_you_mean
from serving.touchpoints.fields import WEATHER_LEVELS
from serving.touchpoints.shared_fields import Shared

FILE = "weather.toml"
MANUAL = "docs/triggers.md"


@dataclass(frozen=True)
class Occasion:
    """A holiday of a year, or a weather warning.

    Attributes
    ----------
    kind : {"holiday", "weather"}
        Which of the two.
    label, english : str
        Chinese and English name.
    begins, ends : date
        First and last day, inclusive.
    branches : tuple of str
        Where it applies; everywhere if empty.
    """

    kind: Literal["holiday", "weather"]
    label: str
    english: str
    begins: date
    ends: date
    branches: tuple[str, ...] = ()

    def is_timely(self, day: date, days_before: int) -> bool:
        """Check whether a contact is timely on a day: up to so many days before the occasion."""
        return self.begins - timedelta(days_before) <= day <= self.ends


class WeatherWarning(Declared):
    """A warning as declared in `weather.toml`."""

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


def load_occasions(shared: Shared, home: Path) -> list[Occasion]:
    """Load all declared holidays, and all warnings that are serious enough, by their first day.

    Raises
    ------
    GuanjiaError
        If `weather.toml` is not TOML, or a field of a warning is wrong; it names warning and field.
    """
    holidays = [
        Occasion("holiday", holiday.label, holiday.english, day, day)
        for holiday in shared.holidays.values()
        for day in holiday.days
    ]
    occasions = [*holidays, *_warnings(shared, home / FILE)]
    return sorted(occasions, key=lambda occasion: occasion.begins)


def timely_occasions(
    occasions: Iterable[Occasion],
    kind: str,
    branch: str | None,
    day: date,
    days_before: int,
) -> Iterator[Occasion]:
    """Find the occasions that a contact of a day can be about.

    Parameters
    ----------
    occasions : iterable of Occasion
        All that are declared.
    kind : {"holiday", "weather"}
        Which of the two.
    branch : str or None
        The customer's branch.
    day : date
        Civil day of the contact.
    days_before : int
        How long before the occasion it is timely.
    """
    for occasion in occasions:
        here = not occasion.branches or branch in occasion.branches
        if occasion.kind == kind and here and occasion.is_timely(day, days_before):
            yield occasion


def no_holiday_declared(shared: Shared, day: date) -> bool:
    """Check whether no holiday is declared for the year of a day, so that it must be added."""
    holidays = shared.holidays.values()
    return day.year not in {first.year for holiday in holidays for first in holiday.days}


def _warnings(shared: Shared, path: Path) -> Iterable[Occasion]:
    """Read the warnings of a file, and yield those of the level that counts for their kind."""
    tables = read_toml(path) if path.exists() else {}
    warnings = tables.pop("warning", [])
    if tables or not isinstance(warnings, list):
        thing = f"{path}, {next(iter(tables), 'warning')}"
        raise GuanjiaError(thing, "is no list of warnings", "begin each with a line [[warning]]")
    for number, fields in enumerate(warnings, start=1):
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
