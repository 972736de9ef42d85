"""Plan the export of a system, and judge the plan."""

from collections.abc import Iterable
from pathlib import Path

from exports.core_systems import SYSTEMS
from exports.held_out import HELD_OUT
from exports.held_out_late import LATE
from exports.held_out_third import THIRD
from exports.scoring import Score, score
from exports.systems import System, export
from features.imports.plan import plan_import
from features.lake import Lake
from features.settings import Settings

ASIDE = (*HELD_OUT, *LATE, *THIRD)
"""Systems that the matcher was not made with."""
ALL = (*SYSTEMS, *ASIDE)


def judged(home: Path, folder: Path, systems: Iterable[System]) -> dict[str, Score]:
    """Export an insurer in the style of each system, plan the import, and judge the plan.

    Parameters
    ----------
    home : Path
        Home of the insurer.
    folder : Path
        Where the exports go; a folder for each system.
    systems : iterable of System
        The systems.
    """
    scores = {}
    for number, system in enumerate(systems):
        place = folder / str(number)
        export(home, place / "exports", system)
        lake = Lake(Settings(home=place / "home"))
        plan = plan_import(lake, place / "exports", ".")
        lake.con.close()
        scores[system.name] = score(plan.mapping, system)
    return scores
