"""The proxy of the tests does to connections what its faults say."""

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from typing import ClassVar

import pytest
from proxy import NetworkFault, Proxy

SHORT = 0.3


class Echo(socketserver.BaseRequestHandler):
    """Sends back what comes, and notes it."""

    received: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := self.request.recv(1024):
                Echo.received.append(chunk)
                self.request.sendall(chunk)


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def proxy(server: int) -> Iterator[Proxy]:
    Echo.received.clear()
    with Proxy(server, seconds=SHORT) as proxy:
        yield proxy


def connected(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def said(client: socket.socket, text: bytes) -> bytes | None:
    """What comes back within a moment; None: nothing."""
    client.sendall(text)
    client.settimeout(SHORT)
    try:
        return client.recv(1024)
    except TimeoutError:
        return None
    finally:
        client.settimeout(5)


def is_reset(client: socket.socket) -> bool:
    """Whether a connection ends by a reset, not as its other side would end it."""
    try:
        client.recv(10)
    except ConnectionError:
        return True
    return False


def is_refused(proxy: Proxy) -> bool:
    """Whether a new connection is reset, at once or a moment later."""
    try:
        with connected(proxy) as client:
            return is_reset(client)
    except ConnectionError:
        return True


def test_without_a_fault_everything_passes(proxy: Proxy) -> None:
    with connected(proxy) as client:
        assert said(client, b"a") == b"a"


def test_a_delay_makes_both_ways_late(proxy: Proxy) -> None:
    with connected(proxy) as client, proxy.fault(NetworkFault.DELAY):
        began = time.monotonic()
        client.sendall(b"a")
        assert client.recv(10) == b"a"
        assert time.monotonic() - began >= 2 * SHORT


@pytest.mark.parametrize(
    ("fault", "arrives"),
    [
        (NetworkFault.DROP, False),
        (NetworkFault.DROP_REQUESTS, False),
        (NetworkFault.DROP_ANSWERS, True),
    ],
)
def test_what_a_cut_holds_back_arrives_when_it_is_healed(
    fault: NetworkFault, arrives: bool, proxy: Proxy
) -> None:
    with connected(proxy) as client:
        with proxy.fault(fault):
            assert said(client, b"a") is None
            assert Echo.received == ([b"a"] if arrives else [])
        assert client.recv(10) == b"a"
        assert said(client, b"b") == b"b"


def test_a_half_open_connection_is_silent_for_ever_and_a_new_one_passes(proxy: Proxy) -> None:
    with connected(proxy) as old:
        assert said(old, b"a") == b"a"
        with proxy.fault(NetworkFault.HALF_OPEN):
            assert said(old, b"b") is None
            with connected(proxy) as new:
                assert said(new, b"c") == b"c"
        assert said(old, b"d") is None
    assert Echo.received == [b"a", b"c"]


def test_a_reset_ends_open_connections_and_new_ones(proxy: Proxy) -> None:
    with connected(proxy) as old:
        assert said(old, b"a") == b"a"
        with proxy.fault(NetworkFault.RESET):
            assert is_reset(old)
            assert is_refused(proxy)
    with connected(proxy) as client:
        assert said(client, b"c") == b"c"


def test_a_server_that_is_down_resets(proxy: Proxy) -> None:
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Proxy(port) as dead:
        assert is_refused(dead)
