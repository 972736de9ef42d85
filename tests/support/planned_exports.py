"""The plan of a folder of exports, made once for all folders that hold the same files."""

from pathlib import Path
from typing import Any

from features.imports.plan import Plan, plan_import
from features.lake import Lake

_PLANS: dict[tuple[Any, ...], Plan] = {}


def plan_once(lake: Lake, folder: Path, encoding: str | None = None) -> Plan:
    """Plan the import of a folder, or take the plan of one with the same files.

    Parameters
    ----------
    lake : Lake
        The home to import into; of it a plan takes the time zone alone.
    folder : Path
        The exports.
    encoding : str or None
        The encoding that a person said.
    """
    files = [(path.name, path.read_bytes()) for path in sorted(folder.iterdir()) if path.is_file()]
    inside = [path.name for path in sorted(folder.iterdir()) if path.is_dir()]
    if inside:
        return plan_import(lake, folder, ".", encoding=encoding)
    key = (lake.settings.timezone, encoding, *files)
    if key not in _PLANS:
        _PLANS[key] = plan_import(lake, folder, ".", encoding=encoding)
    return _PLANS[key]
