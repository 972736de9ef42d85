"""The bundles of a home, and which one serves: what prediction reads, MLflow or not.

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


def place(lake: Lake, model: str, version: str) -> Path:
    """Where the bundle of a version lies, or would."""
    return _folder(lake, model) / version


def keep(lake: Lake, model: str, version: str, bundle: Path) -> Path:
    """Copy a verified bundle to its place: the files its specification names, and no other.

    Raises
    ------
    GuanjiaError
        If a file is missing or altered, or would leave the folder.
    """
    spec = verify(bundle)
    if any(Path(name).name != name for name in spec["sha256"]):
        cure = "see who can write to the registry, and train the model again"
        raise GuanjiaError(f"model bundle {bundle}", "names files outside itself", cure)
    with published_folder(place(lake, model, version)) as draft:
        for name in (*spec["sha256"], "spec.json"):
            shutil.copyfile(bundle / name, draft / name)
    return place(lake, model, version)


def pointed(lake: Lake, model: str) -> str | None:
    """The version that serves here; None where there is none yet."""
    path = _folder(lake, model) / "champion.json"
    return str(json.loads(path.read_text("utf-8"))["version"]) if path.exists() else None


def point(lake: Lake, model: str, version: str) -> None:
    """Let a version serve; services that run notice it."""
    if pointed(lake, model) == version:
        return
    with published(_folder(lake, model) / "champion.json") as draft:
        draft.write_text(json.dumps({"version": version}), "utf-8")


def note(lake: Lake, model: str, act: dict[str, Any]) -> None:
    """Append an act to the journal, once by its number, on the disk when this returns."""
    if any(one["number"] == act["number"] for one in noted(lake, model)):
        return
    path = _journal(lake, model)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Whoever was killed within a line leaves it unended: it must not swallow this one.
    torn = path.exists() and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as journal:
        if torn:
            journal.write("\n")
        journal.write(json.dumps(act, ensure_ascii=False, sort_keys=True) + "\n")
        journal.flush()
        os.fsync(journal.fileno())


def noted(lake: Lake, model: str) -> list[dict[str, Any]]:
    """The acts in the journal, oldest first; a line that was never finished is none."""
    path = _journal(lake, model)
    found = []
    for line in path.read_text("utf-8").splitlines() if path.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def _journal(lake: Lake, model: str) -> Path:
    return _folder(lake, model) / "promotions.jsonl"


def _folder(lake: Lake, model: str) -> Path:
    return lake.home / "models" / model
