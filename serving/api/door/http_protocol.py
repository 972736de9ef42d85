"""Limit the head of a request while it is read; uvicorn's reader with httptools has no limit.

The reader collects a header until it is whole, copying all that it has at every piece: one of 60 MB
kept the process busy for ten seconds. Here every byte that is not part of a body counts: address,
headers, the frames of a chunked body and the headers behind it. A head that is not whole in time
closes its connection, so that slow senders do not use up all connections.
"""

import asyncio
import json

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.api.door.limits import HEAD_SECONDS, LARGEST_HEAD

PIECE = 16 * 1024
"""Bytes that are read before they are counted."""
LINGER_SECONDS = 2
"""For which more bytes are read and dropped after a refusal."""
FRAMES_SHARE = 8
"""Of a chunked body, frames may take one byte for so many of its own, beside `LARGEST_HEAD`."""
TOO_LARGE = {
    "thing": "headers",
    "fault": f"are larger than {LARGEST_HEAD // 1024} kB",
    "cure": "send fewer or shorter headers",
}
NOT_HTTP = {"thing": "request", "fault": "is not HTTP/1.1", "cure": "see RFC 9112"}


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's reader of HTTP/1.1 that refuses a head above `LARGEST_HEAD` and WebSockets."""

    _head = _body = _piece = 0
    _refused = False
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Close a connection over which no request comes."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read bytes of the connection, in pieces small enough to count in between."""
        if self._refused:
            return
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            self._piece = len(piece)
            self._head += self._piece
            super().data_received(piece)
            if self._refused or self.transport.is_closing():
                return
            if self._head > LARGEST_HEAD + self._body // FRAMES_SHARE:
                self._refuse(b"431 Request Header Fields Too Large", TOO_LARGE)
                return

    def on_message_begin(self) -> None:
        """Count anew for each request of the connection."""
        super().on_message_begin()
        self._head, self._body = self._piece, 0
        self._stop_waiting()
        self._expect_head()

    def on_headers_complete(self) -> None:
        """Stop the timer: the head is whole."""
        self._stop_waiting()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take the bytes of the body off the count."""
        self._head -= len(body)
        self._body += len(body)
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  (uvicorn's)
        """Refuse what is not HTTP, in the form of all refusals."""
        self._refuse(b"400 Bad Request", NOT_HTTP)

    def _should_upgrade_to_ws(self) -> bool:
        """Take no WebSocket: the API has none, and it would pass the limits of requests."""
        return False

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: the request is answered as if it had not asked for an upgrade."""

    def _expect_head(self) -> None:
        self._late = self.loop.call_later(HEAD_SECONDS, self.timeout_keep_alive_handler)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _refuse(self, status: bytes, fault: dict[str, str]) -> None:
        """Answer a request that no app has seen, and close the connection."""
        body = json.dumps({"faults": [fault]}).encode()
        cycle = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
            self.transport.write(head % (status, len(body)) + b"connection: close\r\n\r\n" + body)
            if self.transport.can_write_eof():
                self.transport.write_eof()
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        # Who is still sending would lose the answer if the connection were closed at once.
        self._refused = True
        self._stop_waiting()
        self._late = self.loop.call_later(LINGER_SECONDS, self.transport.close)
