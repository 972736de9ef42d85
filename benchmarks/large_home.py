"""Make a home of a million customers with everything that the console shows.

Raw tables are simulated at full size, every customer drawn for themselves. Models are not trained
on them: champions, their reports and the registry are copied from a home that `guanjia demo` made
of fewer customers. Then `guanjia daily` computes the day: checked tables, tags, quality, segments,
scores, triggers, a published day. Bounds that such a home breaks are accepted.

    GUANJIA_HOME=SMALL guanjia demo
    python benchmarks/large_home.py --models SMALL --home HOME --customers 1000000
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

from measuring import say

AS_OF = date(2026, 6, 30)
GUANJIA = [sys.executable, "-c", "from guanjia.cli import main; main()"]
OF_MODELS = ("models", "reports", "mlflow")
"""Folders of a home that training and promotion write."""


def main() -> int:
    """Make the home; say how long each step took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, required=True, help="a home that `demo` made")
    parser.add_argument("--home", type=Path, required=True, help="the home to make")
    parser.add_argument("--customers", type=int, default=1_000_000)
    asked = parser.parse_args()
    if not (asked.home / "raw" / "customers").exists():
        run(asked.home, "simulate", "--customers", str(asked.customers))
    for name in OF_MODELS:
        if not (asked.home / name).exists() and (asked.models / name).exists():
            shutil.copytree(asked.models / name, asked.home / name, symlinks=True)
    now = ("--now", f"{AS_OF + timedelta(1)}T00:30+08:00")
    run(asked.home, "daily", "--as-of", str(AS_OF), *now)
    accepted = ("--accept", "a simulated insurer", "--who", "benchmark")
    run(asked.home, "publish", "--as-of", str(AS_OF), *now, *accepted)
    return 0


def run(home: Path, *words: str) -> None:
    """Run a command on the home; broken bounds (1) do not end the benchmark."""
    began = time.perf_counter()
    done = subprocess.run([*GUANJIA, *words], env=os.environ | {"GUANJIA_HOME": str(home)})
    if done.returncode > 1:
        raise SystemExit(f"guanjia {' '.join(words)} ended with {done.returncode}")
    say(f"{words[0]}: {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
