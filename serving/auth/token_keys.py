"""Public keys of whoever issues tokens, from a file or an https address (JSON Web Key Set).

What a key is decides which algorithm may be used with it; a token's own word does not count, and a
symmetric or private key in a published set is passed over.

PyJWT's `PyJWKClient` is not used: it takes no file, reads the clock itself, bounds neither the size
of an answer nor the time it takes in all, and while the source is away it asks again at every
request and forgets the keys it had.
"""

import json
import logging
import ssl
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, build_opener

import jwt

from features.errors import GuanjiaError
from serving import clock

logger = logging.getLogger(__name__)

ALGORITHMS = {("RSA", None): "RS256", ("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}
SMALLEST_RSA_BITS = 2048
FETCH_SECONDS = 2.0
LARGEST_SET = 256 * 1024
FLOOR_SECONDS = 30.0
"""Least time between two fetches: tokens with invented key names cost no more than this."""
FRESH_SECONDS = 300.0
"""After this the keys are fetched again, so that a withdrawn one goes."""
LONGEST_SECONDS = 86_400.0
"""For this long the keys last known are good while they cannot be fetched."""


class KeysAwayError(GuanjiaError):
    """The keys cannot be had: nobody's token can be judged."""


class KeySet:
    """The keys of one source, by name (`kid`).

    Parameters
    ----------
    source : str
        Path of a file, or an https address.
    fetch : Callable[[str], bytes]
        How the source is read; default: `read` or `fetched`.

    Raises
    ------
    GuanjiaError
        If the source is an address that is not https.
    """

    def __init__(self, source: str, fetch: Callable[[str], bytes] | None = None) -> None:
        if "://" in source and not source.startswith("https://"):
            cure = "give it a path or an https:// address"
            raise GuanjiaError(f"GUANJIA_JWKS {source}", "is not fetched without TLS", cure)
        self._source = source
        self._fetch = fetch or (fetched if "://" in source else read)
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._tried: float | None = None
        self._had: float | None = None
        self._lock = threading.Lock()

    def is_due(self, name: str, now: float) -> bool:
        """Whether `find` would fetch, which may take `FETCH_SECONDS`."""
        if self._tried is not None and now - self._tried < FLOOR_SECONDS:
            return False
        fresh = self._had is not None and now - self._had < FRESH_SECONDS
        return not fresh or name not in self._keys

    def find(self, name: str, now: float) -> jwt.PyJWK | None:
        """The key of a name, fetched if need be; None if there is none.

        Parameters
        ----------
        now : float
            `serving.clock.ticks()`.

        Raises
        ------
        KeysAwayError
            If there are no keys that are recent enough, and none can be fetched.
        """
        if self.is_due(name, now):
            with self._lock:
                if self.is_due(name, now):
                    self._tried = now
                    self._refresh(now)
        if self._had is None or now - self._had > LONGEST_SECONDS:
            cure = "see that GUANJIA_JWKS is right and can be reached; the log has the reason"
            raise KeysAwayError("the keys of tokens", "cannot be had", cure)
        return self._keys.get(name)

    def _refresh(self, now: float) -> None:
        try:
            self._keys = parsed(self._source, self._fetch(self._source))
            self._had = now
        except GuanjiaError as error:
            logger.warning("the keys of tokens stay as they are: %s", error)


def parsed(source: str, content: bytes) -> Mapping[str, jwt.PyJWK]:
    """The usable keys of a set, by name.

    Raises
    ------
    GuanjiaError
        If it is no key set, or holds no key that can be used.
    """
    thing = f"key set {source}"
    try:
        entries = json.loads(content)["keys"]
        found = {entry["kid"]: _usable(thing, entry) for entry in entries if entry.get("kid")}
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        cure = 'give it the form {"keys": [...]} of RFC 7517'
        raise GuanjiaError(thing, "is not a JSON Web Key Set", cure) from fault
    keys = {name: key for name, key in found.items() if key is not None}
    if not keys:
        cure = f"publish a named (kid) RSA key of {SMALLEST_RSA_BITS} bits, P-256 or Ed25519 key"
        raise GuanjiaError(thing, "holds no key that can be used", cure)
    return keys


def _usable(thing: str, entry: dict[str, Any]) -> jwt.PyJWK | None:
    """The key, if it is public, for signatures and of a kind we take."""
    if "d" in entry:
        logger.error("%s: key %s is published with its private part", thing, entry["kid"])
        return None
    algorithm = ALGORITHMS.get((entry.get("kty", ""), entry.get("crv")))
    if algorithm is None or entry.get("use", "sig") != "sig":
        return None
    if entry.get("alg", algorithm) != algorithm:
        return None
    try:
        key = jwt.PyJWK(entry, algorithm=algorithm)
    except jwt.PyJWTError as fault:
        logger.warning("%s: key %s cannot be read: %s", thing, entry["kid"], fault)
        return None
    if algorithm == "RS256" and key.key.key_size < SMALLEST_RSA_BITS:
        logger.warning("%s: key %s is too short to be safe", thing, entry["kid"])
        return None
    return key


def read(source: str) -> bytes:
    """The content of a file.

    Raises
    ------
    GuanjiaError
        If it cannot be read.
    """
    try:
        return Path(source).read_bytes()
    except OSError as fault:
        told = f"cannot be read ({fault.strerror})"
        cure = "give GUANJIA_JWKS the path of a file that can be read"
        raise GuanjiaError(f"key set {source}", told, cure) from fault


class _NoRedirect(HTTPRedirectHandler):
    """Keys come from the address that was set, not from where it points."""

    def redirect_request(self, *_: Any) -> None:
        return None


def fetched(source: str) -> bytes:
    """The content of an https address, within `FETCH_SECONDS`.

    Raises
    ------
    GuanjiaError
        If it does not answer in time, points elsewhere, or answers at too great a length.
    """
    thing, cure = f"key set {source}", "see what answers there"
    handlers = (HTTPSHandler(context=ssl.create_default_context()), ProxyHandler(), _NoRedirect())
    until, content = clock.ticks() + FETCH_SECONDS, b""
    try:
        with build_opener(*handlers).open(source, timeout=FETCH_SECONDS) as answer:
            # `timeout` is of each read: one who sends a byte a second would never reach it.
            while piece := answer.read1(65_536):
                content += piece
                if len(content) > LARGEST_SET or clock.ticks() > until:
                    raise GuanjiaError(thing, "is too large or too slow", cure)
    except (OSError, ValueError) as fault:
        raise GuanjiaError(thing, f"cannot be fetched ({fault})", cure) from fault
    return content
