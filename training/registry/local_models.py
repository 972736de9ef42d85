"""Store the bundles of a home, the version that serves, and the journal of promotions.

<home>/models/<model>/<version>/         a verified bundle
<home>/models/<model>/champion.json      the version that serves
<home>/models/<model>/promotions.jsonl   every promotion and rollback seen here; only appended to
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from features.errors import GuanjiaError
from features.lake import Lake
from features.publishing import published, published_folder
from training.estimators.bundle import verify


def bundle_path(lake: Lake, model: str, version: str) -> Path:
    """Return the path of the bundle of a version, whether it is there or not.

    Parameters
    ----------
    lake : Lake
        Home with the bundles.
    model, version : str
        Name of the model; number of the version in the registry.
    """
    return _folder(lake, model) / version


def save_bundle(lake: Lake, model: str, version: str, bundle: Path) -> Path:
    """Verify a bundle and copy the files that its specification names into the home.

    Parameters
    ----------
    lake : Lake
        Home with the bundles.
    model, version : str
        Name of the model; number of the version in the registry.
    bundle : Path
        Folder to copy from.

    Returns
    -------
    Path
        Folder of the copy.

    Raises
    ------
    GuanjiaError
        If a file is missing or altered, or its name leads out of the folder.
    """
    spec = verify(bundle)
    if any(Path(name).name != name for name in spec["sha256"]):
        cure = "find out who can write to the registry, and train the model again"
        raise GuanjiaError(
            f"model bundle {bundle}", "names files outside its folder, so it is not copied", cure
        )
    with published_folder(bundle_path(lake, model, version)) as draft:
        for name in (*spec["sha256"], "spec.json"):
            shutil.copyfile(bundle / name, draft / name)
    return bundle_path(lake, model, version)


def champion_version(lake: Lake, model: str) -> str | None:
    """Return the version that serves in this home; None if there is none yet."""
    path = _folder(lake, model) / "champion.json"
    return str(json.loads(path.read_text("utf-8"))["version"]) if path.exists() else None


def set_champion(lake: Lake, model: str, version: str) -> None:
    """Make a version the champion of this home; running services notice it.

    Parameters
    ----------
    lake : Lake
        Home with the bundles.
    model, version : str
        Name of the model; number of the version in the registry.
    """
    if champion_version(lake, model) == version:
        return
    with published(_folder(lake, model) / "champion.json") as draft:
        draft.write_text(json.dumps({"version": version}), "utf-8")


def append_act(lake: Lake, model: str, act: dict[str, Any]) -> None:
    """Append an act to the journal, unless its number is there, and wait for the disk.

    Parameters
    ----------
    lake : Lake
        Home with the journal.
    model : str
        Name of the model.
    act : dict
        Promotion or rollback, with its `number`.
    """
    if any(earlier["number"] == act["number"] for earlier in read_acts(lake, model)):
        return
    path = _journal(lake, model)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A process killed while writing leaves a line without its end: begin a new one after it.
    torn = path.exists() and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as journal:
        if torn:
            journal.write("\n")
        journal.write(json.dumps(act, ensure_ascii=False, sort_keys=True) + "\n")
        journal.flush()
        os.fsync(journal.fileno())


def read_acts(lake: Lake, model: str) -> list[dict[str, Any]]:
    """Read the acts of the journal, oldest first; lines that were never finished are skipped."""
    path = _journal(lake, model)
    acts = []
    for line in path.read_text("utf-8").splitlines() if path.exists() else []:
        try:
            acts.append(json.loads(line))
        except ValueError:
            continue
    return acts


def _journal(lake: Lake, model: str) -> Path:
    return _folder(lake, model) / "promotions.jsonl"


def _folder(lake: Lake, model: str) -> Path:
    return lake.home / "models" / model
