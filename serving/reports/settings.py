"""Declare the settings of reports: the pool, what a rise of price is, targets, teams.

A file `report.toml` in the home folder overrides any of them (docs/reports.md).
"""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from features.declared import Declared, load_layered
from features.errors import GuanjiaError, InputError, suggestions
from training.labels.leads import LONGEST_LEAD

Level = Literal["branch", "team", "manager", "channel", "star"]
LEVELS: Mapping[Level, str] = {
    "branch": "机构",
    "team": "团队",
    "manager": "客户经理",
    "channel": "渠道",
    "star": "星级",
}
FILE = "report.toml"


def _month(text: str) -> str:
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        raise ValueError("a month is written 2026-06")
    return text


Month = Annotated[str, AfterValidator(_month)]
Share = Annotated[Decimal, Field(ge=0, le=1)]


class Targets(Declared):
    """Renewal rates to reach, as shares of the terms due."""

    rate: Share | None = Field(default=None, description="Of every branch and month.")
    months: dict[Month, Share] = Field(default={}, description="Of a month, of every branch.")
    branches: dict[str, dict[Month, Share]] = Field(
        default={}, description="Of a branch and month, before those above."
    )

    def target_for(self, month: date, branch: str | None = None) -> Decimal | None:
        """Look up the target of a month, of a branch or of all together; None if there is none.

        Parameters
        ----------
        month : date
            Any day of the month.
        branch : str, optional
            The branch; default: all branches together.
        """
        name = f"{month:%Y-%m}"
        own = self.branches.get(branch, {}) if branch is not None else {}
        return own.get(name, self.months.get(name, self.rate))


class ReportSettings(Declared):
    """What reports are made by."""

    pool_days: int = Field(
        default=30,
        ge=1,
        le=LONGEST_LEAD,
        description="Days before expiry on which a term enters the pool.",
    )
    price_rise: Share = Field(
        default=Decimal("0.05"),
        description="A quote dearer than the expiring premium by more than this share is a reason "
        "to leave.",
    )
    forecast_months: int = Field(
        default=6, ge=2, le=24, description="Past months that the forecast learns from."
    )
    call_days: int = Field(
        default=7,
        ge=1,
        le=LONGEST_LEAD,
        description="Terms that expire within so many days are called.",
    )
    targets: Targets = Targets()
    teams: dict[str, tuple[str, ...]] = Field(
        default={}, description="Team -> numbers of its account managers."
    )


def load_report_settings(home: Path) -> ReportSettings:
    """Read the settings of `<home>/report.toml`; the defaults if there is no file.

    Parameters
    ----------
    home : Path
        The home folder.

    Raises
    ------
    GuanjiaError
        If the file is not TOML, a field is unknown or out of range, or an account manager is in two
        teams.
    """
    settings = load_layered(ReportSettings, home / FILE, manual="docs/reports.md")
    places: dict[str, str] = {}
    for team, managers in settings.teams.items():
        for manager in managers:
            if manager in places:
                fault = f"is in the teams {places[manager]} and {team}"
                cure = "leave them in one of the two"
                raise GuanjiaError(f"{home / FILE}, account manager {manager}", fault, cure)
            places[manager] = team
    return settings


def require_level(name: str) -> Level:
    """Return the name of a level; refuse a name that is none.

    Parameters
    ----------
    name : str
        What the user asked for.

    Raises
    ------
    GuanjiaError
        If there is no such level.
    """
    levels: tuple[Level, ...] = get_args(Level)
    for level in levels:
        if name == level:
            return level
    cure, chinese_cure = suggestions(name, LEVELS)
    chinese = f"汇总层级 {name}", "不存在", chinese_cure
    raise InputError(f"level {name}", "is not known", cure, chinese=chinese)
