"""Tokens that somebody else signs: by the key's algorithm, by keys that are published now."""

import base64
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from features.errors import GuanjiaError
from features.settings import Settings
from serving.auth import token_keys, tokens
from serving.auth.access import Caller
from serving.auth.token_keys import (
    FLOOR_SECONDS,
    FRESH_SECONDS,
    LONGEST_SECONDS,
    KeysAwayError,
    KeySet,
)
from serving.auth.tokens import InvalidTokenError, get_ready, make_token, may_wait, read_token

NOW = datetime.now(UTC)
RSA_KEY = rsa.generate_private_key(65537, 2048)
SHORT_KEY = rsa.generate_private_key(65537, 1024)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
WIDE_KEY = ec.generate_private_key(ec.SECP384R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
SIGNERS: dict[str, tuple[Any, str]] = {
    "rsa": (RSA_KEY, "RS256"), "ec": (EC_KEY, "ES256"), "ed": (ED_KEY, "EdDSA")}  # fmt: skip


def jwk(key: Any, name: str, **more: Any) -> dict[str, Any]:
    """A key as a set publishes it."""
    makers = {rsa.RSAPublicKey: RSAAlgorithm, rsa.RSAPrivateKey: RSAAlgorithm,
              ec.EllipticCurvePublicKey: ECAlgorithm}  # fmt: skip
    (maker,) = [m for kind, m in makers.items() if isinstance(key, kind)] or [OKPAlgorithm]
    return maker.to_jwk(key, as_dict=True) | {"kid": name} | more  # type: ignore[attr-defined,no-any-return]


def published(*more: dict[str, Any]) -> bytes:
    keys = [jwk(key.public_key(), name) for name, (key, _) in SIGNERS.items()]
    return json.dumps({"keys": [*keys, *more]}).encode()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    path = tmp_path / "keys.json"
    path.write_bytes(published())
    return Settings(home=tmp_path, token_key=None, jwks=str(path), token_issuer="hub")


def signed(key: Any, algorithm: str, headers: dict[str, Any], **changes: Any) -> str:
    claims = {"sub": "app", "iss": "hub", "aud": "guanjia-api", "scope": "predict",
              "branches": ["杭州"], "iat": NOW, "exp": NOW + timedelta(hours=1)}  # fmt: skip
    return jwt.encode(claims | changes, key, algorithm=algorithm, headers=headers)


@pytest.mark.parametrize("name", SIGNERS)
def test_each_kind_of_key_is_taken(settings: Settings, name: str) -> None:
    key, algorithm = SIGNERS[name]
    found = read_token(settings, signed(key, algorithm, {"kid": name}))
    assert found == Caller("app", frozenset({"predict"}), frozenset({"杭州"}))


def by_hand(header: dict[str, Any], secret: bytes) -> str:
    """A token whose maker is bound by no library: HMAC over whatever header."""

    def part(value: bytes) -> bytes:
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    until = int((NOW + timedelta(hours=1)).timestamp())
    claims = {"sub": "app", "iss": "hub", "aud": "guanjia-api", "iat": until - 9999, "exp": until}
    body = part(json.dumps(header).encode()) + b"." + part(json.dumps(claims).encode())
    return (body + b"." + part(hmac.new(secret, body, hashlib.sha256).digest())).decode()


def pem(key: Any) -> bytes:
    kinds = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return bytes(key.public_key().public_bytes(*kinds))


CRAFTED: dict[str, Callable[[Settings], str]] = {
    "no signature": lambda s: by_hand({"alg": "none", "kid": "rsa"}, b"").rpartition(".")[0] + ".",
    "the public key as a secret": lambda s: by_hand({"alg": "HS256", "kid": "rsa"}, pem(RSA_KEY)),
    "the same, of the curve": lambda s: by_hand({"alg": "HS256", "kid": "ec"}, pem(EC_KEY)),
    "HMAC that says RS256": lambda s: by_hand({"alg": "RS256", "kid": "rsa"}, pem(RSA_KEY)),
    "a longer hash": lambda s: signed(RSA_KEY, "RS512", {"kid": "rsa"}),
    "another padding": lambda s: signed(RSA_KEY, "PS256", {"kid": "rsa"}),
    "another's key name": lambda s: signed(RSA_KEY, "RS256", {"kid": "ec"}),
    "another's key": lambda s: signed(
        rsa.generate_private_key(65537, 2048), "RS256", {"kid": "rsa"}
    ),
    "a key it brings along": lambda s: signed(
        WIDE_KEY, "ES384", {"kid": "ec", "jwk": jwk(WIDE_KEY.public_key(), "ec")}
    ),
    "an address of its own": lambda s: signed(
        RSA_KEY, "RS256", {"kid": "own", "jku": "https://evil.example/keys"}
    ),
    "no key name": lambda s: signed(RSA_KEY, "RS256", {}),
    "a path for a name": lambda s: signed(RSA_KEY, "RS256", {"kid": "../keys.json"}),
    "another issuer": lambda s: signed(RSA_KEY, "RS256", {"kid": "rsa"}, iss="guanjia"),
    "another audience": lambda s: signed(RSA_KEY, "RS256", {"kid": "rsa"}, aud="crm"),
    "not a token": lambda s: "a.b.c",
    "our own key": lambda s: make_token(
        Settings(home=s.home, token_key=None, token_issuer="hub"), "app", NOW
    ),
}


@pytest.mark.parametrize("name", CRAFTED)
def test_crafted_tokens_are_refused(settings: Settings, name: str) -> None:
    with pytest.raises(
        InvalidTokenError, match=r"is not valid here\. Send the one you get from hub"
    ):
        read_token(settings, CRAFTED[name](settings))


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "kid": "x", "k": base64.urlsafe_b64encode(b"k" * 32).decode()},
        jwk(SHORT_KEY.public_key(), "x"),
        jwk(WIDE_KEY.public_key(), "x"),
        jwk(RSA_KEY.public_key(), "x", use="enc"),
        jwk(RSA_KEY.public_key(), "x", alg="PS256"),
        jwk(RSA_KEY, "x"),
        {"kty": "RSA", "kid": "x", "n": "!", "e": "AQAB"},
        {"kty": "EC", "crv": "P-256", "kid": "x", "x": "AA", "y": "AA"},
        {"kid": "x"},
    ],
    ids=["symmetric", "short", "P-384", "for encryption", "other algorithm", "private",
         "not a number", "no point", "no kind"],
)  # fmt: skip
def test_keys_that_cannot_be_used_are_passed_over(entry: dict[str, Any]) -> None:
    assert sorted(token_keys.parse_key_set("s", published(entry))) == ["ec", "ed", "rsa"]
    with pytest.raises(GuanjiaError, match="key set s: holds no key that can be used"):
        token_keys.parse_key_set("s", json.dumps({"keys": [entry]}).encode())


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"keys": 3}', b'{"keys": ["a"]}', b"\xff", b"{}"]
)
def test_what_is_no_key_set_says_so(content: bytes) -> None:
    with pytest.raises(GuanjiaError, match="key set s: is not a JSON Web Key Set"):
        token_keys.parse_key_set("s", content)


@dataclass
class Source:
    """A key set somewhere, which counts how often it is asked."""

    content: bytes = field(default_factory=published)
    asked: int = 0
    away: bool = False

    def __call__(self, _source: str) -> bytes:
        self.asked += 1
        if self.away:
            raise GuanjiaError("key set", "cannot be fetched", "wait")
        return self.content


def test_keys_are_fetched_once_and_again_when_old_or_unknown() -> None:
    source = Source()
    keys = KeySet("s", source)
    assert [keys.find("rsa", 0.0) is not None, keys.find("ec", 1.0) is not None] == [True, True]
    assert source.asked == 1
    # A name nobody knows: one fetch, and no other before the floor is over.
    for second in range(1000):
        assert keys.find(f"invented {second}", FLOOR_SECONDS + second / 1000) is None
    assert source.asked == 2
    # A new key is found by its name, a withdrawn one goes with its age.
    source.content = json.dumps({"keys": [jwk(EC_KEY.public_key(), "new")]}).encode()
    assert keys.find("rsa", 2 * FLOOR_SECONDS) is not None
    assert keys.find("new", 2 * FLOOR_SECONDS + 1) is not None
    assert keys.find("rsa", 2 * FLOOR_SECONDS + 2) is None
    assert source.asked == 3
    assert not keys.is_due("new", FRESH_SECONDS)
    assert keys.is_due("new", 2 * FLOOR_SECONDS + 1 + FRESH_SECONDS)


def test_keys_outlive_a_source_that_is_away_but_not_for_ever() -> None:
    source = Source(away=True)
    keys = KeySet("s", source)
    with pytest.raises(KeysAwayError, match="public keys of tokens: cannot be fetched"):
        keys.find("rsa", 0.0)
    source.away = False
    assert keys.find("rsa", FLOOR_SECONDS) is not None
    source.away = True
    assert keys.find("rsa", FLOOR_SECONDS + LONGEST_SECONDS) is not None
    with pytest.raises(KeysAwayError):
        keys.find("rsa", FLOOR_SECONDS + LONGEST_SECONDS + 1)


def test_many_at_once_fetch_once() -> None:
    begun = threading.Barrier(8)
    source = Source()
    keys = KeySet("s", source)

    def ask() -> None:
        begun.wait()
        assert keys.find("rsa", 5.0) is not None

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert source.asked == 1


def test_settings_that_cannot_be_are_refused_at_start(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(GuanjiaError, match="GUANJIA_TOKEN_ISSUER: is not set beside GUANJIA_JWKS"):
        get_ready(Settings(home=tmp_path, jwks=settings.jwks))
    with pytest.raises(GuanjiaError, match="GUANJIA_JWKS http://here/keys: is not fetched without"):
        get_ready(Settings(home=tmp_path, jwks="http://here/keys", token_issuer="hub"))
    with pytest.raises(GuanjiaError, match="token: would be refused: GUANJIA_JWKS names"):
        make_token(settings, "a", NOW)
    # A file that is not there yet does not stop the service, and no token is good meanwhile.
    missing = Settings(home=tmp_path, jwks=str(tmp_path / "none.json"), token_issuer="hub")
    get_ready(missing)
    with pytest.raises(KeysAwayError, match="public keys of tokens: cannot be fetched"):
        read_token(missing, signed(RSA_KEY, "RS256", {"kid": "rsa"}))


@contextmanager
def https(folder: Path, answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A server with TLS on this machine, whose certificate is `folder/cert.pem`."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(EC_KEY.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(EC_KEY, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        EC_KEY.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: Any) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"https://localhost:{server.server_address[1]}/keys"
        finally:
            server.shutdown()
            thread.join()


def sent(
    handler: BaseHTTPRequestHandler, content: bytes, status: int = 200, **headers: str
) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def test_keys_come_from_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with https(tmp_path, lambda handler: sent(handler, published())) as address:
        with pytest.raises(GuanjiaError, match=r"cannot be fetched \(.*CERTIFICATE_VERIFY_FAILED"):
            token_keys.fetch_https(address)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        settings = Settings(home=tmp_path, token_key=None, jwks=address, token_issuer="hub")
        token = signed(ED_KEY, "EdDSA", {"kid": "ed"})
        assert may_wait(settings, token)
        assert read_token(settings, token).subject == "app"
        assert not may_wait(settings, token)
    # It is gone now, and its keys are still good.
    assert read_token(settings, token).subject == "app"
    tokens._key_set.cache_clear()


def test_an_address_that_points_elsewhere_or_never_ends_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    elsewhere = {"Location": "https://evil.example/keys"}
    with (
        https(tmp_path, lambda handler: sent(handler, b"", 302, **elsewhere)) as address,
        pytest.raises(GuanjiaError, match=r"cannot be fetched \(HTTP Error 302"),
    ):
        token_keys.fetch_https(address)
    with (
        https(tmp_path, lambda handler: sent(handler, b" " * 300_000)) as address,
        pytest.raises(GuanjiaError, match="is too large or too slow"),
    ):
        token_keys.fetch_https(address)
    monkeypatch.setattr(token_keys, "FETCH_SECONDS", 0.3)
    held = threading.Event()
    with https(tmp_path, lambda handler: held.wait(5) and None) as address:  # type: ignore[func-returns-value]
        with pytest.raises(GuanjiaError, match=r"cannot be fetched \(.*timed out"):
            token_keys.fetch_https(address)
        held.set()
