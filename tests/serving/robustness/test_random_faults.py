"""Random faults under random load: what was acknowledged holds, whatever fails meanwhile.

`FAULTS_SEED` and `FAULTS_SECONDS` set the seed and how long; `benchmarks/faults.py` runs it for
minutes. A seed gives the same faults in the same order, each as long, and the same requests of each
caller; how they meet is the machine's.
"""

import itertools
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from random_faults import FAULTS, apply_faults, schedule
from random_load import Acknowledged, RandomCaller, broken_promises

pytestmark = pytest.mark.slow
SEED = int(os.environ.get("FAULTS_SEED", "15"))
SECONDS = float(os.environ.get("FAULTS_SECONDS", "8"))
CALLERS = 4
AT = "2026-07-01T12:00:00+08:00"


def test_what_was_acknowledged_holds_whatever_failed(
    networked: Any, soon: Any, figure: Any
) -> None:
    asker, noted = networked.asker, Acknowledged()
    callers = [RandomCaller(asker, noted, SEED, number, AT) for number in range(CALLERS)]
    print(f"seed {SEED}, {SECONDS:g} s")
    until = time.monotonic() + SECONDS
    with ThreadPoolExecutor(CALLERS) as threads:
        asking = [threads.submit(caller.ask_until, until) for caller in callers]
        applied = apply_faults(networked, SEED, until)
        for one in asking:
            one.result()

    def is_quiet() -> bool:
        predicted, decided = asker.predict(), asker.decide(asker.renewing[0])
        return (predicted.status, decided.status) == (200, 200) and not (
            predicted.body["degraded"] or decided.body["degraded"]
        )

    figure("quiet again", soon(is_quiet))
    violations = noted.violations + broken_promises(networked, noted)
    told = (
        f"seed {SEED}: {len(applied)} faults of {len({one.name for one in applied})} kinds,"
        f" {sum(noted.operations.values())} operations {dict(noted.operations)},"
        f" {len(noted.decisions)} decisions acknowledged, {noted.degraded} predictions degraded,"
        f" answers {sorted(noted.answers.items())}, {len(violations)} violations"
    )
    print(told)
    figure("faults", len(applied))
    figure("kinds of faults", len({one.name for one in applied}))
    for kind, number in noted.operations.items():
        figure(f"operations: {kind}", number)
    for (kind, status), number in noted.answers.items():
        figure(f"answers: {kind} {status}", number)
    figure("decisions acknowledged", len(noted.decisions))
    figure("withdrawals acknowledged", len(noted.withdrawn))
    figure("degraded", noted.degraded)
    figure("violations", len(violations))
    assert violations == [], told
    assert applied
    assert noted.decisions


def test_a_seed_gives_the_same_faults_again() -> None:
    def first(seed: int) -> list[Any]:
        return list(itertools.islice(schedule(seed), 2 * len(FAULTS)))

    assert first(SEED) == first(SEED)
    assert first(SEED) != first(SEED + 1)
    assert {fault.name for fault in first(SEED)[: len(FAULTS)]} == set(FAULTS)
