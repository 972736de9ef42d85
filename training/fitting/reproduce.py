"""A registered model trained again, from what MLflow alone knows of it, and compared bit for bit.

The run states what it learned from (a hash of every column), with which code, parameters, seed and
threads, and in which environment. The dataset is built anew in a scratch home; where it differs,
nothing is trained.
"""

import json
import tempfile
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from features.errors import GuanjiaError
from features.lake import Lake, sha256_of
from features.progress import Report, quiet
from training.dataset import Dataset
from training.estimators.bundle import verify
from training.fitting import provenance
from training.fitting.scratch import scratch_lake
from training.fitting.train import retrain
from training.models import find
from training.registry import versions as registry

DOCUMENTS = ("training", "data", "code", "environment")


@dataclass
class Reproduction:
    """What came of it.

    Attributes
    ----------
    model, run : str
    identical : bool
        Whether every file of the bundle has the same bytes.
    files : dict[str, bool]
        Each file of the bundle, and whether it is the same; empty if the data differ.
    data, code, environment : list of str
        What differs from the run, in words.
    """

    model: str
    run: str
    known_by: date
    identical: bool = False
    files: dict[str, bool] = field(default_factory=dict)
    data: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    environment: list[str] = field(default_factory=list)

    def told(self) -> list[str]:
        """The result in sentences, the reasons first."""
        story = []
        for what, found in (
            ("data", self.data),
            ("code", self.code),
            ("environment", self.environment),
        ):
            if found:
                more = f"; and {len(found) - 10} more" if len(found) > 10 else ""
                story.append(f"{what} changed: {'; '.join(found[:10])}{more}")
            else:
                story.append(f"{what}: as in the run")
        if self.data:
            return [*story, f"{self.model}: not trained again, for it would learn from other data."]
        story += [
            f"{name}: {'identical' if same else 'DIFFERS'}" for name, same in self.files.items()
        ]
        verdict = "reproduced bit for bit" if self.identical else "not reproduced"
        return [*story, f"{self.model}, run {self.run}, known by {self.known_by}: {verdict}."]


class _OtherDataError(Exception):
    """The dataset is not the run's."""


def reproduce(lake: Lake, run: str, report: Report = quiet) -> Reproduction:
    """Train the model of a run again and compare its files.

    Parameters
    ----------
    run : str
        The run's id, or `model/version`.

    Raises
    ------
    GuanjiaError
        If the registry does not know the run, or the run does not state what it takes.
    """
    version = registry.read_run(lake, run)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        stated = {name: _document(lake, version.run, name, place) for name in DOCUMENTS}
        bundle = registry.download(lake, version.run, "bundle", place)
        given = stated["training"]
        if lake.settings.timezone != given["timezone"]:
            cure = f"set GUANJIA_TIMEZONE to {given['timezone']}"
            raise GuanjiaError(f"run {run}", "is of another time zone", cure)
        found = Reproduction(
            model=given["model"],
            run=version.run,
            known_by=date.fromisoformat(given["known_by"]),
            code=provenance.changes(stated["code"], provenance.code_identity()),
            environment=provenance.changes(stated["environment"], provenance.environment()),
        )

        def check(data: Dataset) -> None:
            found.data = provenance.changes(stated["data"], provenance.data_identity(data.frame))
            if found.data:
                raise _OtherDataError

        with scratch_lake(lake) as beside:
            try:
                again = retrain(
                    beside,
                    find(given["model"]),
                    found.known_by,
                    given["parameters"],
                    given["seed"],
                    given["threads"],
                    place / "again",
                    row_limit=given["row_limit"],
                    report=report,
                    check=check,
                )
            except _OtherDataError:
                return found
        found.files = {
            name: (again / name).exists() and sha256_of(again / name) == sha256_of(bundle / name)
            for name in sorted([*verify(bundle)["sha256"], "spec.json"])
        }
        same = {path.name for path in again.iterdir()} == set(found.files)
        found.identical = same and all(found.files.values())
    return found


def _document(lake: Lake, run: str, name: str, folder: Path) -> Any:
    try:
        path = registry.download(lake, run, f"{name}.json", folder)
    except GuanjiaError as error:
        cure = "check the run's id; runs of releases before this one cannot be reproduced"
        raise GuanjiaError(f"run {run}", f"has no {name}.json: {error.fault}", cure) from error
    return json.loads(path.read_text("utf-8"))
