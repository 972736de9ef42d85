"""kill -9 in the middle: whoever sends again what was not answered has each event once, online."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

SENDER = """
from datetime import UTC, datetime, timedelta
from features.events.inbox import EventInbox
from features.events.intake import Intake
from features.events.event_types import EVENTS, Event
from features.online.push_events import FreshTags
from features.lake.connection import Lake
from features.settings import load

lake = Lake(load())
inbox = EventInbox(lake)
intake, fresh = Intake(lake, inbox), FreshTags(lake, inbox)
fresh.prepare()
print("ready", flush=True)
start = datetime(2026, 7, 1, 1, tzinfo=UTC)
for number in range(1000):
    at, fields = start + timedelta(seconds=number), {"case_id": f"K{number}", "topic": "claims"}
    event = Event(f"e{number}", EVENTS["complaint_received"], "C1", at, fields)
    intake.take(event, at)
    print(number, "kept", flush=True)
    fresh.refresh(["C1"])
    print(number, "online", flush=True)
"""


def send_until_killed(home: Path, lines: int) -> list[str]:
    """Send events; kill some milliseconds after so many answers; what was answered."""
    environment = {**os.environ, "GUANJIA_HOME": str(home)}
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SENDER],
        env=environment, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        said = list(itertools.islice(process.stdout, lines))
        time.sleep(0.004)
        process.send_signal(signal.SIGKILL)
        said += list(process.stdout)
    assert process.returncode == -signal.SIGKILL
    return [line.strip() for line in said if line.endswith("\n")]


def test_nothing_is_lost_and_nothing_repeated(
    tmp_path: Path, desk_in: Callable[[Path], Any]
) -> None:
    """Killed while an event is kept or brought online, started again, sent again."""
    desk = desk_in(tmp_path)
    lake = desk.lake
    # The third answer says that the second event is kept; it is being brought online.
    said = send_until_killed(lake.home, 3)
    answered = [int(line.split()[0]) for line in said if line.endswith("kept")]
    kept = len(desk.inbox.since(desk.morning))
    assert kept in (len(answered), len(answered) + 1)
    again = type(desk)(lake)
    again.fresh.prepare()
    assert again.online("C1", "complaint_count_365d") == {"complaint_count_365d": kept}
    # Who got no answer to the last one sends it again, and goes on.
    repeated = []
    for number in range(answered[-1], answered[-1] + 4):
        at = desk.morning + timedelta(seconds=number)
        found = again.send("complaint_received", event_id=f"e{number}", received=at,
                           case_id=f"K{number}", topic="claims")  # fmt: skip
        repeated.append(found.repeated)
    assert repeated[0]
    assert repeated == sorted(repeated, reverse=True)
    everything = answered[-1] + 4
    assert again.online("C1", "complaint_count_365d") == {"complaint_count_365d": everything}
    ids = desk.inbox._connection().execute("SELECT event_id FROM events ORDER BY sequence")
    assert [name for (name,) in ids] == [f"e{number}" for number in range(everything)]
    assert desk.inbox.waiting_customers() == []
