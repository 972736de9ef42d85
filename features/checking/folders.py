"""Find the files of the raw tables, and name everything else that was delivered beside them.

Nothing is passed over in silence: a file under `raw/` is read as a table, or it is listed with the
reason and what to do about it.
"""

from dataclasses import dataclass
from pathlib import Path

from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError, did_you_mean
from features.lake import Lake

READ = (".csv", ".parquet")
"""Endings of files that are read, in small or capital letters."""
LOCK_FILE = "~$"
"""What the name of the file begins with that a spreadsheet lays beside one that is open."""
CURES = {
    ".gz": "unpack it",
    ".zip": "unpack it",
    ".txt": "if it is comma-separated UTF-8 text, name it .csv",
    ".tsv": "save it as comma-separated text and name it .csv",
    ".xlsx": "save each sheet as CSV UTF-8 (comma delimited)",
    ".xls": "save each sheet as CSV UTF-8 (comma delimited)",
    ".xlsb": "save each sheet as CSV UTF-8 (comma delimited)",
}
"""What to do about files of other kinds, by ending."""


@dataclass(frozen=True)
class Unused:
    """A file or folder under `raw/` that no table is read from.

    Attributes
    ----------
    path : str
        Its path below `raw/`.
    why, cure : str
        Why it is not read, and what to do.
    """

    path: str
    why: str
    cure: str


def find_files(lake: Lake) -> tuple[dict[str, list[Path]], list[Unused]]:
    """List the files of each raw table, and what is not used.

    Returns
    -------
    dict of str to list of Path
        Table -> its files by name, all Parquet or all CSV; for each table of the contracts.
    list of Unused
        All other files and folders, but for hidden ones.

    Raises
    ------
    GuanjiaError
        If a table comes in two formats at once.
    """
    raw = lake.home / "raw"
    files: dict[str, list[Path]] = {name: [] for name in CONTRACTS}
    unused = []
    for entry in sorted(raw.iterdir()) if raw.is_dir() else []:
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and entry.name in CONTRACTS:
            files[entry.name], others = _files_of(raw, entry)
            unused += others
        elif entry.is_dir():
            cure = did_you_mean(entry.name, CONTRACTS)
            unused.append(Unused(f"{entry.name}/", "no table is called so", cure))
        else:
            cure = "move it into the folder of its table, such as raw/policies/"
            unused.append(Unused(entry.name, "it lies in no folder of a table", cure))
    return files, unused


def _files_of(raw: Path, folder: Path) -> tuple[list[Path], list[Unused]]:
    """List the files of one table, and what else lies in its folder."""
    read, unused = [], []
    for path in sorted(folder.iterdir()):
        name = f"{folder.name}/{path.name}"
        if path.name.startswith("."):
            continue
        if path.is_dir():
            cure = f"move its files into raw/{folder.name}/"
            unused.append(Unused(f"{name}/", "folders inside a table's folder are not read", cure))
        elif path.name.startswith(LOCK_FILE):
            cure = "close the file in the spreadsheet, so that it is delivered whole"
            unused.append(Unused(name, "it is the lock of a file that somebody has open", cure))
        elif path.suffix.lower() not in READ:
            cure = CURES.get(path.suffix.lower(), "deliver it as CSV or Parquet, or move it away")
            unused.append(Unused(name, "only .csv and .parquet files are read", cure))
        elif not path.stat().st_size:
            cure = "deliver it again if it should have rows"
            unused.append(Unused(name, "it is empty", cure))
        else:
            read.append(path)
    if len({path.suffix.lower() for path in read}) > 1:
        raise GuanjiaError(
            f"table {folder.name}",
            f"has both Parquet and CSV files in {raw / folder.name}",
            "keep one of the two",
        )
    return read, unused
