"""Ten times more requests at once than the service works on: answered or sent away."""

import asyncio
import itertools
import json
import statistics
import time
from dataclasses import dataclass
from typing import Any

import pytest

pytestmark = pytest.mark.slow
AT_ONCE = 8  # what the fixture `sturdy` works on
CALLERS = 10 * AT_ONCE
SECONDS = 5.0


@dataclass(frozen=True)
class Reply:
    """An answer, and after how many seconds."""

    status: int
    seconds: float
    retry_after: str | None
    body: bytes


class Connection:
    """A connection that asks again and again, and costs the machine little beside the service."""

    def __init__(self, asker: Any) -> None:
        self._port = int(asker.url.rsplit(":", 1)[1])
        few, some = asker.renewing[:1], asker.renewing[:2]
        self._requests = [
            self._request(asker, "/predict", {"customer_ids": some, "explain": True}),
            self._request(asker, "/predict", {"customer_ids": few}),
            self._request(asker, "/decide", {"customer_id": few[0], "decision_point": "tests"}),
        ]

    def _request(self, asker: Any, path: str, body: Any) -> bytes:
        content = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {asker.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content

    async def ask(self, until: float, most: int, first: int = 0) -> list[Reply]:
        """Ask until then, or so many times."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        found: list[Reply] = []
        for request in itertools.islice(itertools.cycle(self._requests), first, first + most):
            if time.monotonic() > until:
                break
            began = time.monotonic()
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(headers["content-length"]))
            status, seconds = int(head[0].split()[1]), time.monotonic() - began
            found.append(Reply(status, seconds, headers.get("retry-after"), body))
        writer.close()
        await writer.wait_closed()
        return found


def late(replies: list[Reply]) -> float:
    """Seconds that 99 of 100 do not exceed."""
    return sorted(one.seconds for one in replies)[len(replies) * 99 // 100]


def alone(asker: Any) -> float:
    """Seconds that the slowest kind of request takes while nobody else asks."""
    replies = asyncio.run(Connection(asker).ask(time.monotonic() + 60, 30))
    assert [one.status for one in replies] == [200] * 30
    return max(statistics.median(one.seconds for one in replies[kind::3]) for kind in range(3))


def test_ten_times_over_capacity_is_answered_or_sent_away(sturdy: Any, figure: Any) -> None:
    figure("alone", alone(sturdy))

    async def all_at_once() -> list[list[Reply]]:
        until = time.monotonic() + SECONDS
        calls = (Connection(sturdy).ask(until, 10_000, first) for first in range(CALLERS))
        return await asyncio.gather(*calls)

    replies = list(itertools.chain(*asyncio.run(all_at_once())))
    served = [one for one in replies if one.status == 200]
    busy = [one for one in replies if one.status == 429]
    assert len(served) + len(busy) == len(replies)
    assert busy, "it was not asked for more than it works on"
    assert len(served) > AT_ONCE
    for one in busy:
        assert int(one.retry_after or 0) >= 1
        assert json.loads(one.body)["faults"][0]["fault"] == "is busy"
    # Afterwards it answers as before.
    figure("alone after the load", alone(sturdy))
    figure("ten times over capacity, served", late(served))
    figure("ten times over capacity, sent away", late(busy))
