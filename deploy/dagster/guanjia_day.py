"""Dagster: the insurer's day as an asset, one partition a day.

`dagster dev -f deploy/dagster/guanjia_day.py`, or the module of your code location. It needs the
command `guanjia` on the path and the settings of the home in the environment (docs/operations.md);
Dagster itself comes from `pip install dagster dagster-webserver`.
"""

import json
import os
import subprocess
from typing import Any

import dagster as dg

DAYS = dg.DailyPartitionsDefinition(
    start_date=os.environ.get("GUANJIA_FIRST_DAY", "2026-01-01"),
    timezone=os.environ.get("GUANJIA_TIMEZONE", "Asia/Shanghai"),
)
AWAY = 3
"""Exit code of a day that could not run for want of disk, database or network."""
TRIES, WAIT_SECONDS = 6, 600


@dg.asset(partitions_def=DAYS, pool="guanjia_home", description="Everything of the insurer's day.")
def guanjia_day(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Run `guanjia daily` for the partition's day; what it writes to stdout is shown with it."""
    day = context.partition_key
    done = subprocess.run(
        ["guanjia", "daily", "--as-of", day, "--json"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode == AWAY:
        raise dg.RetryRequested(max_retries=TRIES, seconds_to_wait=WAIT_SECONDS)
    if done.returncode != 0:
        # A person decides (1) or mends (2): trying again would change nothing.
        raise dg.Failure(
            description=f"guanjia daily --as-of {day} ended with {done.returncode}",
            metadata=_metadata(done.stdout),
            allow_retries=False,
        )
    return dg.MaterializeResult(metadata=_metadata(done.stdout))


def _metadata(text: str) -> dict[str, dg.MetadataValue[Any]]:
    """Show the result of the command: as JSON if it is, else as it stands."""
    try:
        content = json.loads(text)
    except ValueError:
        return {"output": dg.MetadataValue.text(text)}
    return {"result": dg.MetadataValue.json(content)}


day_job = dg.define_asset_job("guanjia_day_job", selection=[guanjia_day])
night = dg.build_schedule_from_partitioned_job(day_job, hour_of_day=2, minute_of_hour=30)
defs = dg.Definitions(assets=[guanjia_day], jobs=[day_job], schedules=[night])
