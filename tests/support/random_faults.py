"""Faults in a random order under a service: a seed gives the same ones, each as long, again."""

import contextlib
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from proxy import NetworkFault

REDIS, POSTGRES = "Redis", "Postgres"
SHORTEST_SECONDS, LONGEST_SECONDS = 0.2, 1.5
PAUSE_SECONDS = 0.5
"""From the end of a fault to the next one, on average."""

Act = Callable[[Any], AbstractContextManager[None]]


def _network(component: str, fault: NetworkFault) -> Act:
    """Let a fault hold in the network before a server."""

    def act(networked: Any) -> AbstractContextManager[None]:
        proxy = networked.to_redis if component == REDIS else networked.to_postgres
        block: AbstractContextManager[None] = proxy.fault(fault)
        return block

    return act


def _frozen(component: str) -> Act:
    """Let a server stand still."""

    def act(networked: Any) -> AbstractContextManager[None]:
        redis, postgres = networked.redis, networked.postgres
        block: AbstractContextManager[None] = networked.frozen(
            redis.process.pid if component == REDIS else postgres.pid
        )
        return block

    return act


@contextlib.contextmanager
def _crashed(networked: Any) -> Iterator[None]:
    """Let Postgres be gone as after a crash."""
    networked.postgres.stop()
    try:
        yield
    finally:
        networked.postgres.start()


@contextlib.contextmanager
def _another_password(networked: Any) -> Iterator[None]:
    """Let Redis have another password than the service."""
    import redis

    with redis.Redis.from_url(networked.redis.address) as client:
        client.config_set("requirepass", "another")
        client.client_kill_filter(skipme=True, _type="normal")
        try:
            yield
        finally:
            client.config_set("requirepass", "")


@contextlib.contextmanager
def _flushed(networked: Any) -> Iterator[None]:
    """Let Redis have lost its keys; they are put back as they were."""
    import redis

    with redis.Redis.from_url(networked.redis.address) as client:
        names = list(client.scan_iter(count=1000))
        with client.pipeline() as every:
            for name in names:
                every.dump(name)
            kept = dict(zip(names, every.execute(), strict=True))
        client.flushall()
        try:
            yield
        finally:
            with client.pipeline() as every:
                for name, value in kept.items():
                    if value is not None:
                        every.restore(name, 0, value, replace=True)
                every.execute()


FAULTS: dict[tuple[str, str], Act] = {
    **{(where, str(what)): _network(where, what) for where in (REDIS, POSTGRES)
       for what in NetworkFault},
    **{(where, "frozen"): _frozen(where) for where in (REDIS, POSTGRES)},
    (POSTGRES, "dead"): _crashed,
    (REDIS, "wrong password"): _another_password,
    (REDIS, "flushed"): _flushed,
}  # fmt: skip
"""(Component, fault), as the table of faults names them -> what makes it hold in a block."""


@dataclass(frozen=True)
class PlannedFault:
    """A fault, how long it holds, and how long nothing happens after it, in seconds."""

    name: tuple[str, str]
    seconds: float
    pause: float


def schedule(seed: int) -> Iterator[PlannedFault]:
    """Plan faults without end: all kinds, in an order of their own, then all again."""
    drawn = random.Random(f"faults {seed}")
    names = list(FAULTS)
    while True:
        drawn.shuffle(names)
        for name in names:
            seconds = drawn.uniform(SHORTEST_SECONDS, LONGEST_SECONDS)
            yield PlannedFault(name, seconds, drawn.expovariate(1 / PAUSE_SECONDS))


def apply_faults(networked: Any, seed: int, until: float) -> Sequence[PlannedFault]:
    """Apply faults one after the other until an instant of `time.monotonic`; return them."""
    applied = []
    for fault in schedule(seed):
        if time.monotonic() >= until:
            return applied
        with FAULTS[fault.name](networked):
            time.sleep(fault.seconds)
        applied.append(fault)
        time.sleep(min(fault.pause, max(0.0, until - time.monotonic())))
    return applied
