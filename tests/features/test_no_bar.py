"""What a command prints is its answer alone: no engine draws a bar of progress beside it."""

import subprocess
import sys

ENGINES = """
import ibis
from features.lake import Lake
from features.lake.connection import draw_no_bar
from features.settings import Settings

lake = Lake(Settings())
draw_no_bar(ibis.get_backend().con)
for engine in (lake.con, lake.con.cursor(), ibis.get_backend().con):
    print(*engine.execute("SELECT current_setting('enable_progress_bar')").fetchone())
"""


def test_no_engine_draws_a_bar() -> None:
    """Without a script (`python -c`) DuckDB would, after two seconds."""
    done = subprocess.run(
        [sys.executable, "-c", ENGINES], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False"] * 3
