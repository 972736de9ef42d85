"""Load bundles in a process of their own: LightGBM aborts the process on a damaged file.

python -m training.registry.load_check FOLDER...
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from features.errors import GuanjiaError

SECONDS = 120
ROWS = 8


def try_loading(folder: Path) -> str:
    """Load a bundle and ask it about rows of nothing but nulls, in another process.

    Returns
    -------
    str
        The bundle's version, as the process that loaded it says.

    Raises
    ------
    GuanjiaError
        If that process aborts, fails or takes too long; this one goes on.
    """
    cure = "train the model again; what is here was never served"
    command = [sys.executable, "-m", "training.registry.load_check", str(folder)]
    # The modules are found where they were found for this process.
    root = Path(__file__).resolve().parents[2]
    try:
        # What a damaged file makes it print may be no text.
        done = subprocess.run(
            command,
            cwd=root,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise GuanjiaError(
            f"model bundle {folder}", f"does not load within {SECONDS} s", cure
        ) from late
    if done.returncode < 0:
        fault = f"ends the process that loads it (signal {-done.returncode})"
        raise GuanjiaError(f"model bundle {folder}", fault, cure)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise GuanjiaError(f"model bundle {folder}", f"does not load ({said[:300]})", cure)
    return done.stdout.strip()


def main(folders: Sequence[str]) -> None:
    """Load each, and print its version."""
    from training.estimators.bundle import Predictor

    for folder in folders:
        predictor = Predictor.load(Path(folder))
        nothing = {name: np.full(ROWS, np.nan) for name in predictor.features}
        told = predictor.predict(nothing)
        if told.shape != (ROWS,) or not np.isfinite(told).all():
            raise GuanjiaError(f"model bundle {folder}", "tells no numbers", "train it again")
        sys.stdout.write(f"{predictor.version}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
