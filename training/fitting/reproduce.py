"""Train a registered model again, from its MLflow run alone, and compare it bit for bit.

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
from training.registry import versions

DOCUMENTS = ("training", "data", "code", "environment")


@dataclass
class Reproduction:
    """Comparison of a model trained again with its run.

    Attributes
    ----------
    model, run : str
        Name of the model; id of the run.
    known_by : date
        Last day whose outcomes the run used.
    identical : bool
        True if every file of both bundles has the same bytes.
    files : dict[str, bool]
        File of the registered bundle, and, as `judged/<file>`, of the judged candidate's -> whether
        its bytes are the same; empty if the data differ.
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

    def sentences(self) -> list[str]:
        """Describe the comparison in sentences, the reasons first."""
        sentences = []
        for subject, changes in (
            ("data", self.data),
            ("code", self.code),
            ("environment", self.environment),
        ):
            if changes:
                more = f"; and {len(changes) - 10} more" if len(changes) > 10 else ""
                sentences.append(f"{subject} changed: {'; '.join(changes[:10])}{more}")
            else:
                sentences.append(f"{subject}: as in the run")
        if self.data:
            return [
                *sentences,
                f"{self.model}: not trained again, because it would learn from other data.",
            ]
        sentences += [
            f"{name}: {'identical' if same else 'DIFFERS'}" for name, same in self.files.items()
        ]
        verdict = "reproduced bit for bit" if self.identical else "not reproduced"
        return [*sentences, f"{self.model}, run {self.run}, known by {self.known_by}: {verdict}."]


class _OtherDataError(Exception):
    """Raised when the dataset differs from that of the run."""


def reproduce(lake: Lake, run: str, report: Report = quiet) -> Reproduction:
    """Train the model of a run again and compare the files of its bundle.

    Parameters
    ----------
    lake : Lake
        Home with the registry and the checked tables; nothing in it is changed.
    run : str
        The run's id, or `model/version`.
    report : Report
        Called with progress.

    Raises
    ------
    GuanjiaError
        If the registry does not know the run, the run lacks a document, or its time zone is not
        that of this home.
    """
    version = versions.read_run(lake, run)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        stated = {name: _document(lake, version.run, name, scratch) for name in DOCUMENTS}
        bundles = {"": versions.download(lake, version.run, "bundle", scratch)}
        if versions.JUDGED_HASH in version.tags:
            bundles["judged/"] = versions.download(
                lake, version.run, versions.JUDGED_BUNDLE, scratch
            )
        training = stated["training"]
        if training.get("own_frame"):
            raise GuanjiaError(
                f"run {run}",
                "learned from a frame of its owner's, which no home holds",
                "call `training.frames.fit` again with the same frame, and compare bundle versions",
            )
        if lake.settings.timezone != training["timezone"]:
            cure = f"set GUANJIA_TIMEZONE to {training['timezone']}"
            raise GuanjiaError(
                f"run {run}", f"was trained in time zone {training['timezone']}", cure
            )
        comparison = Reproduction(
            model=training["model"],
            run=version.run,
            known_by=date.fromisoformat(training["known_by"]),
            code=provenance.changes(stated["code"], provenance.code_identity()),
            environment=provenance.changes(stated["environment"], provenance.environment()),
        )

        def check(data: Dataset) -> None:
            comparison.data = provenance.changes(
                stated["data"], provenance.data_identity(data.frame)
            )
            if comparison.data:
                raise _OtherDataError

        with scratch_lake(lake) as scratch_home:
            try:
                again = retrain(
                    scratch_home,
                    find(training["model"]),
                    comparison.known_by,
                    training["parameters"],
                    training["seed"],
                    training["threads"],
                    scratch / "again",
                    row_limit=training["row_limit"],
                    report=report,
                    check=check,
                )
            except _OtherDataError:
                return comparison
        same_names = True
        for (prefix, bundle), result in zip(bundles.items(), again, strict=False):
            names = sorted([*verify(bundle)["sha256"], "spec.json"])
            same_names &= {path.name for path in result.iterdir()} == {*names}
            comparison.files |= {
                prefix + name: (result / name).exists()
                and sha256_of(result / name) == sha256_of(bundle / name)
                for name in names
            }
        comparison.identical = same_names and all(comparison.files.values())
    return comparison


def _document(lake: Lake, run: str, name: str, folder: Path) -> Any:
    try:
        path = versions.download(lake, run, f"{name}.json", folder)
    except GuanjiaError as error:
        cure = "check the run's id; runs of old releases lack the file and cannot be reproduced"
        raise GuanjiaError(f"run {run}", f"has no {name}.json: {error.fault}", cure) from error
    return json.loads(path.read_text("utf-8"))
