"""Caps under parallel requests of real processes: nobody gets a place too many."""

import contextlib
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from features.settings import Settings
from serving.records.database import Records
from serving.records.tables import contacts, decisions

ROOT = Path(__file__).parents[3]
PROCESSES, THREADS = 8, 25
# Each request is a decision with a place, as the service makes it; every thread asks for the one
# customer, then for one of its own number.
ASK = """
import sys, threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from features.settings import Settings
from serving.records.contacts.contact_caps import load_contact_caps
from serving.records.contacts.caps import Caps, ContactRefusedError, ContactRequest
from serving.records.columns import new_id
from serving.records.database import Records, RecordsAwayError, lock_customer
from serving.records.contacts.decisions import Decision, write_decision

home, address, threads = Path(sys.argv[1]), sys.argv[2] or None, int(sys.argv[3])
records = Records(Settings(home=home, database=address), 60.0)  # as long as it takes
caps = Caps(load_contact_caps(home), "Asia/Shanghai")
start, told, lock = threading.Barrier(threads + 1), [], threading.Lock()
now = datetime(2026, 6, 1, 3, tzinfo=UTC)

def ask(customer, at):
    wanted = ContactRequest(customer, "x", "renewal", "marketing", "app", at)
    try:
        with records.writing() as connection:
            lock_customer(connection, customer)
            history = caps.history(connection, customer, now)
            number = new_id(at)
            caps.reserve(connection, wanted, now, history, decision_id=number)
            write_decision(connection, Decision(customer, "app_open", at, {}, decision_id=number))
        return "given"
    except ContactRefusedError as refusal:
        return refusal.rule
    except RecordsAwayError as fault:
        return f"away: {fault}"

def both(number):
    start.wait()
    one = ask("C1", now + timedelta(days=number % 3))
    start.wait()
    own = ask(f"own {number}", now)
    with lock:
        told.extend([f"one {one}", f"own {own}"])

every = [threading.Thread(target=both, args=[number]) for number in range(threads)]
for thread in every: thread.start()
print("ready", flush=True)
sys.stdin.read()
start.wait()
start.wait()
for thread in every: thread.join()
print("\\n".join(told))
"""


def asked_at_once(settings: Settings) -> Counter[str]:
    """What two times 200 requests were told, by how many."""
    words = [sys.executable, "-c", ASK, str(settings.home), settings.database or "", str(THREADS)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(subprocess.Popen(words, cwd=ROOT, text=True, **pipes))
            for _ in range(PROCESSES)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:  # all are waiting: off they go
            assert process.stdin is not None
            process.stdin.close()
            process.stdin = None
        told: Counter[str] = Counter()
        for process in processes:
            out, faults = process.communicate(timeout=120)
            assert faults == ""
            told.update(out.splitlines())
    return told


def test_two_hundred_requests_for_one_customer_get_two_places(
    records: Records, settings: Settings, rows: Any
) -> None:
    # On three days of one week: one place a day, two a week, as the shipped caps have it.
    told = asked_at_once(settings)
    assert sum(told.values()) == 2 * PROCESSES * THREADS
    assert told["one given"] == 2, told
    assert {word for word in told if word.startswith("one")} <= {
        "one given", "one marketing_day", "one marketing_week",
    }  # fmt: skip
    # And of those who ask for 25 others, each gets the place of theirs once.
    assert told["own given"] == THREADS
    assert told["own marketing_day"] == (PROCESSES - 1) * THREADS
    kept = rows(contacts)
    mine = [row["local_day"] for row in kept if row["customer_id"] == "C1"]
    assert len(set(mine)) == len(mine) == 2
    assert {row["decision_id"] for row in kept} == {row["decision_id"] for row in rows(decisions)}
