"""A TCP proxy before a real server that delays, holds, forgets and resets what passes.

It runs in a thread with an event loop of its own. A cut holds bytes back and hands them on when it
is healed, as TCP does: what was sent into a dead network is sent again, and arrives late.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

CHUNK = 1 << 16
LINGER_ZERO = struct.pack("ii", 1, 0)
"""Closing a socket then sends a reset."""


class NetworkFault(StrEnum):
    """What a network does to connections."""

    DELAY = "delay"  # each chunk arrives late, both ways
    DROP = "drop"  # nothing arrives, both ways
    DROP_REQUESTS = "drop requests"  # nothing arrives at the server; its answers pass
    DROP_ANSWERS = "drop answers"  # nothing comes back; requests are carried out
    HALF_OPEN = "half-open"  # connections that are open are forgotten for ever; new ones pass
    RESET = "reset"  # open connections are reset, and so is each new one


HOLDS = {
    NetworkFault.DROP: (True, True),
    NetworkFault.DROP_REQUESTS: (True, False),
    NetworkFault.DROP_ANSWERS: (False, True),
}
"""Fault -> whether requests and answers are held back."""


class _Connection:
    """A client's connection and the one to the server."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client, self.server = client, server
        self.forgotten = False

    def reset(self) -> None:
        """Reset both."""
        for writer in (self.client, self.server):
            _reset(writer)


class Proxy:
    """A port of this machine that leads to another one, through faults.

    Parameters
    ----------
    target : int
        Port of the server, on this machine.
    seconds : float
        How late each chunk is under `NetworkFault.DELAY`.
    """

    def __init__(self, target: int, seconds: float = 0.5) -> None:
        self._target, self._seconds = target, seconds
        self._fault: NetworkFault | None = None
        self._open: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._changed = asyncio.Condition()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.port = 0

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection and end the thread."""
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @contextlib.contextmanager
    def fault(self, fault: NetworkFault) -> Iterator[None]:
        """Let a fault hold in the block, and heal it at the end."""
        self.begin(fault)
        try:
            yield
        finally:
            self.heal()

    def begin(self, fault: NetworkFault) -> None:
        """Let a fault hold from now on, instead of the one before."""
        self._do(self._set(fault))

    def heal(self) -> None:
        """Let everything pass; what was held back arrives now."""
        self._do(self._set(None))

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _set(self, fault: NetworkFault | None) -> None:
        async with self._changed:
            self._fault = fault
            for connection in list(self._open):
                if fault is NetworkFault.HALF_OPEN:
                    connection.forgotten = True
                    _reset(connection.server)  # the server sees it end, the client nothing
                elif fault is NetworkFault.RESET:
                    connection.reset()
            self._changed.notify_all()

    async def _end(self) -> None:
        self._server.close()
        for connection in list(self._open):
            connection.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._fault is NetworkFault.RESET:
            _reset(writer)
            return
        try:
            answers, server = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:  # the server is down: its clients are told as it would tell them
            _reset(writer)
            return
        connection = _Connection(writer, server)
        self._open.add(connection)
        try:
            await asyncio.gather(
                self._pump(reader, server, connection, lambda held: held[0]),
                self._pump(answers, writer, connection, lambda held: held[1]),
            )
        except asyncio.CancelledError:
            pass  # the proxy ends
        finally:
            self._open.discard(connection)
            connection.reset()

    async def _pump(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        connection: _Connection,
        held: Callable[[tuple[bool, bool]], bool],
    ) -> None:
        """Hand on one direction until its sender ends it."""
        with contextlib.suppress(OSError):
            while chunk := await source.read(CHUNK):
                await self._pass(held)
                if not connection.forgotten:
                    target.write(chunk)
                    await target.drain()
        await self._pass(held)
        # To a client of a forgotten connection nothing comes, not even its end.
        if not connection.forgotten:
            with contextlib.suppress(OSError):
                target.close()

    async def _pass(self, held: Callable[[tuple[bool, bool]], bool]) -> None:
        """Wait as long as the fault of the moment has it."""
        if self._fault is NetworkFault.DELAY:
            await asyncio.sleep(self._seconds)
        async with self._changed:
            await self._changed.wait_for(
                lambda: not (self._fault in HOLDS and held(HOLDS[self._fault]))
            )


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection as a machine that knows nothing of it would: by a reset."""
    own = writer.get_extra_info("socket")
    if own is not None and own.fileno() >= 0:
        with contextlib.suppress(OSError):
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
    writer.transport.abort()
