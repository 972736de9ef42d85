"""Say what MLflow's page of a run shows: description, data set, source, and how long it took."""

from collections.abc import Mapping
from dataclasses import dataclass

NOTE = "mlflow.note.content"
"""Tag that MLflow shows as the description of a run or an experiment, in Markdown."""


@dataclass(frozen=True)
class RunPage:
    """What the page of a run shows beside its figures.

    Attributes
    ----------
    description : str
        What the model predicts, from which rows, how well, and the verdict; Markdown.
    dataset, digest : str
        Name and hash of the rows it learned from.
    place : str
        Where these rows are: the file, or whose frame they were.
    rows : int
        Number of these rows.
    source : str
        The command or call that made the run.
    code : Mapping[str, str]
        Identity of the code: `version`, and `commit` where it is a Git working tree.
    seconds : float
        How long the training took.
    """

    description: str
    dataset: str
    digest: str
    place: str
    rows: int
    source: str
    code: Mapping[str, str]
    seconds: float

    def tags(self) -> dict[str, str]:
        """Return the tags of MLflow that its page reads."""
        commit = self.code.get("commit")
        return {
            NOTE: self.description,
            "mlflow.source.name": f"{self.source}, guanjia {self.code.get('version', '')}".rstrip(),
            "mlflow.source.type": "LOCAL",
            **({"mlflow.source.git.commit": commit} if commit else {}),
        }
