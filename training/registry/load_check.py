"""Load a bundle where nothing can come of it: LightGBM ends the process on a damaged file.

Its trees are first loaded in a process of their own (`load_trees`), the rest, and what they say
together, in this one.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

from features.errors import GuanjiaError
from training.estimators.bundle import PARTS, Predictor

SECONDS = 120
ROWS = 8


def try_loading(folder: Path) -> str:
    """Load a bundle and ask it about rows of nothing but nulls.

    Returns
    -------
    str
        The bundle's version.

    Raises
    ------
    GuanjiaError
        If a process that loads its trees aborts, fails or takes too long, or the bundle does not
        answer with numbers; this process goes on.
    """
    cure = "train the model again; what is here was never served"
    if (folder / PARTS["trees"]).exists():
        _try_trees(folder, cure)
    try:
        predictor = Predictor.load(folder)
        nothing = {name: np.full(ROWS, np.nan) for name in predictor.features}
        answers = predictor.predict(nothing)
    except GuanjiaError:
        raise
    except Exception as fault:
        said = f"does not load ({type(fault).__name__}: {str(fault)[:300]})"
        raise GuanjiaError(f"model bundle {folder}", said, cure) from fault
    if answers.shape != (ROWS,) or not np.isfinite(answers).all():
        raise GuanjiaError(f"model bundle {folder}", "does not load (tells no numbers)", cure)
    return predictor.version


def _try_trees(folder: Path, cure: str) -> None:
    trees = (folder / PARTS["trees"]).absolute()
    command = [sys.executable, "-m", "training.registry.load_trees", str(trees)]
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
