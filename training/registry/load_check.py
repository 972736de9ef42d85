"""Load a bundle where a crash does no harm: LightGBM aborts the process on a damaged file.

The trees are first loaded in a process of their own (`load_trees`), then the bundle in this one.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

from features.errors import GuanjiaError
from training.estimators.bundle import PARTS, Predictor

SECONDS = 600
"""Longer than any sound bundle needs on a busy machine; no damaged file was seen to hang."""
ROWS = 8


class LateError(GuanjiaError):
    """A bundle was not loaded in time, which says nothing about the bundle."""


def try_loading(folder: Path) -> str:
    """Load a bundle and let it predict rows of nulls.

    Returns
    -------
    str
        The bundle's version.

    Raises
    ------
    LateError
        If the process that loads its trees takes too long.
    GuanjiaError
        If that process aborts or fails, or the bundle does not predict numbers.
    """
    cure = "train the model again; this bundle was never served"
    if (folder / PARTS["trees"]).exists():
        _try_trees(folder, cure)
    try:
        predictor = Predictor.load(folder)
        nulls = {name: np.full(ROWS, np.nan) for name in predictor.features}
        predicted = predictor.predict(nulls)
    except GuanjiaError:
        raise
    except Exception as fault:
        message = f"does not load ({type(fault).__name__}: {str(fault)[:300]})"
        raise GuanjiaError(f"model bundle {folder}", message, cure) from fault
    if predicted.shape != (ROWS,) or not np.isfinite(predicted).all():
        raise GuanjiaError(
            f"model bundle {folder}",
            "does not load (its predictions of rows of nulls are no numbers)",
            cure,
        )
    return predictor.version


def _try_trees(folder: Path, cure: str) -> None:
    trees = (folder / PARTS["trees"]).absolute()
    command = [sys.executable, "-m", "training.registry.load_trees", str(trees)]
    # The child process imports the same sources as this one.
    root = Path(__file__).resolve().parents[2]
    try:
        # A damaged file may make it print bytes that are no text.
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
        cure = "this machine may be busy: try again when less runs on it; nothing was changed"
        fault = f"was not loaded within {SECONDS} s"
        raise LateError(f"model bundle {folder}", fault, cure) from late
    if done.returncode < 0:
        fault = f"ends the process that loads it (signal {-done.returncode}): a file is damaged"
        raise GuanjiaError(f"model bundle {folder}", fault, cure)
    if done.returncode:
        message = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise GuanjiaError(f"model bundle {folder}", f"does not load ({message[:300]})", cure)
