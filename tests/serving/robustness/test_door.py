"""What comes before a request is understood: sizes, cut-off bodies, texts, tokens, the log."""

import json
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest

from serving.api.door.limits import LARGEST_HEAD, LONGEST_ADDRESS, LONGEST_TOKEN
from serving.auth.tokens import signing_key

pytestmark = pytest.mark.slow
HEAD = b"GET /docs HTTP/1.1\r\nhost: a\r\n"
MANY = 60_000_000


def exchange(asker: Any, *parts: bytes) -> bytes:
    """Send bytes over a connection of their own; what comes back before it is closed."""
    port = int(asker.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        answer = b""
        try:
            for part in parts:
                connection.sendall(part)
            while piece := connection.recv(65_536):
                answer += piece
        except ConnectionError:
            pass  # closed while we were still sending
        return answer


def post(asker: Any, body: bytes, *headers: bytes) -> bytes:
    """The bytes of a right request to `/v1/decide`, whose body may be anything."""
    token = b"authorization: Bearer " + asker.token.encode()
    kind = b"content-type: application/json"
    lines = (b"POST /v1/decide HTTP/1.1", b"host: a", b"connection: close", token, kind, *headers)
    return b"\r\n".join((*lines, b"", body))


def question(asker: Any) -> bytes:
    wanted = {"customer_id": asker.renewing[-1], "decision_point": "tests"}
    return json.dumps(wanted).encode()


def decisions(home: Path) -> int:
    with closing(sqlite3.connect(home / "records.db")) as connection:
        (found,) = connection.execute("SELECT count(*) FROM decisions").fetchone()
    return int(found)


@pytest.mark.parametrize(
    "request_line",
    [
        HEAD + b"x: " + b"a" * 2 * LARGEST_HEAD,
        HEAD + b"x" * 2 * LARGEST_HEAD,
        HEAD + b"a: b\r\n" * LARGEST_HEAD,
        b"GET /" + b"a" * 2 * LARGEST_HEAD,
        b"x" * 2 * LARGEST_HEAD,
    ],
    ids=["value", "name", "number", "address", "method"],
)
def test_a_head_that_is_too_large_is_refused_before_it_ends(
    sturdy: Any, request_line: bytes
) -> None:
    status = exchange(sturdy, request_line).split(b"\r\n", 1)[0]
    assert status in (b"HTTP/1.1 431 Request Header Fields Too Large", b"HTTP/1.1 400 Bad Request")


def test_a_head_within_the_limit_is_answered(sturdy: Any) -> None:
    closing_head = HEAD + b"connection: close\r\nx: "
    padded = closing_head + b"a" * (LARGEST_HEAD - len(closing_head) - 4) + b"\r\n\r\n"
    assert len(padded) == LARGEST_HEAD
    assert exchange(sturdy, padded).startswith(b"HTTP/1.1 200 ")


def test_headers_behind_a_chunked_body_are_limited_too(sturdy: Any) -> None:
    before = decisions(sturdy.lake.home)
    body = question(sturdy)
    chunk = b"%x\r\n%s\r\n0\r\nx: " % (len(body), body)
    trailing = post(sturdy, chunk + b"a" * 2 * LARGEST_HEAD, b"transfer-encoding: chunked")
    assert exchange(sturdy, trailing).startswith(b"HTTP/1.1 431 ")
    assert decisions(sturdy.lake.home) == before


def test_sixty_megabytes_of_headers_are_not_read(sturdy: Any) -> None:
    exchange(sturdy, HEAD + b"x: ", *[b"a" * 1_000_000] * (MANY // 1_000_000))
    assert sturdy.predict().status == 200


def test_an_address_that_is_too_long_is_refused(sturdy: Any) -> None:
    answer = sturdy.client.get("/docs?" + "a" * LONGEST_ADDRESS)
    assert answer.status_code == 414
    assert answer.json()["faults"][0]["thing"] == "address"


def test_no_web_socket_is_opened(sturdy: Any) -> None:
    wanted = b"upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: " + b"a" * 24
    head = HEAD + b"connection: upgrade, close\r\n" + wanted + b"\r\n\r\n"
    assert exchange(sturdy, head).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_cut_off_decides_nothing(sturdy: Any, chunked: bool) -> None:
    """The part that arrives would be a whole request."""
    before, body = decisions(sturdy.lake.home), question(sturdy)
    whole = (
        post(sturdy, b"%x\r\n%s\r\n" % (len(body), body), b"transfer-encoding: chunked")
        if chunked
        else post(sturdy, body, b"content-length: %d" % (len(body) + 1))
    )
    port = int(sturdy.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(whole)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert sturdy.predict().status == 200
    assert decisions(sturdy.lake.home) == before


UNFIT = [b"C\\u0000", b"C\\ud800", b"C\\udc00\\ud800", b"C\xed\xa0\x80", b"\\\\\\u0000"]


@pytest.mark.parametrize("text", UNFIT)
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/predict", b'{"customer_ids": ["%s"]}'),
        ("/v1/decide", b'{"customer_id": "C", "decision_point": "p", "client_key": "12345678%s"}'),
        ("/v1/decide", b'{"customer_id": "C", "decision_point": "p", "context": {"values":'
         b' {"%s": "1"}}}'),
        ("/v1/outcomes", b'{"outcomes": [{"client_key": "%s"}]}'),
        ("/v1/events", b'{"events": [{"event_id": "%s"}]}'),
        ("/v1/customers/C/consents", b'{"source": "%s"}'),
        ("/v1/reviews/0/answer", b'{"answer": "%s", "upheld": true}'),
    ],
)  # fmt: skip
def test_texts_that_cannot_be_stored_are_refused(
    sturdy: Any, path: str, body: bytes, text: bytes
) -> None:
    answer = sturdy.client.post(
        path, content=body % text, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert {fault["cure"][:18] for fault in answer.json()["faults"]} == {"send text in UTF-8"}


def test_a_backslash_and_a_whole_surrogate_pair_are_texts(sturdy: Any) -> None:
    for text, said in ((b"\\\\u0000", "\\u0000"), (b"\\ud83d\\ude00", "😀")):
        body = b'{"customer_ids": ["%s"]}' % text
        headers = {"Content-Type": "application/json"}
        answer = sturdy.client.post("/v1/predict", content=body, headers=headers)
        assert answer.status_code == 404
        assert said in answer.json()["faults"][0]["thing"]


def test_nor_in_an_address(sturdy: Any) -> None:
    for path in ("/v1/customers/C%00/consents", "/v1/reviews?customer_id=C%00"):
        answer = sturdy.client.get(path)
        assert answer.status_code == 422
        assert answer.json()["faults"][0]["thing"] == "customer_id"


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "a\0b"},
        {"sub": "a\ud800"},
        {"sub": "a\n2026-07-01 forged"},
        {"branches": ["HZ\0"]},
        {"sub": "a", "more": "x" * LONGEST_TOKEN},
    ],
    ids=["nul", "half", "line", "branch", "long"],
)
def test_a_token_that_cannot_be_noted_is_refused(sturdy: Any, claims: dict[str, Any]) -> None:
    now = datetime.now(UTC).timestamp()
    whole = {"sub": "a", "iss": "guanjia", "aud": "guanjia-api", "iat": now, "exp": now + 60,
             "scope": "predict", "branches": "*"}  # fmt: skip
    token = jwt.encode(whole | claims, signing_key(sturdy.lake.settings), algorithm="HS256")
    answer = sturdy.client.post(
        "/v1/predict",
        json={"customer_ids": sturdy.renewing[:1]},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 401


def test_a_port_in_use_is_a_sentence(sturdy: Any, process: Callable[..., Any]) -> None:
    port = sturdy.url.rsplit(":", 1)[1]
    done = process(sturdy.lake.home, "serve", "--port", port)
    assert done.returncode == 2
    assert f"port {port} of 127.0.0.1: is in use." in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_of_another_machine_is_a_sentence(
    process: Callable[..., Any], home: Path
) -> None:
    done = process(home, "serve", "--host", "192.0.2.1")
    assert done.returncode == 2
    assert "host 192.0.2.1: cannot be had" in done.stderr
