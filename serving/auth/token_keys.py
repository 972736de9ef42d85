"""Public keys of token issuers, from a file or an https address (JSON Web Key Set, RFC 7517).

The type of a key decides which algorithm may be used with it, whatever the token says. Symmetric
and private keys in a published set are ignored.

PyJWT's `PyJWKClient` is not used: it reads no file, has its own clock, limits neither the size of
an answer nor its total time, and while the source does not answer it fetches again at every
request and drops the keys it had.
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
"""Least time between two fetches: tokens with invented key names cannot cause more."""
FRESH_SECONDS = 300.0
"""Age at which keys are fetched again, so that withdrawn ones are dropped."""
LONGEST_SECONDS = 86_400.0
"""Age up to which the last known keys are used while they cannot be fetched."""


class KeysAwayError(GuanjiaError):
    """The public keys cannot be fetched, so that no token can be verified."""


class KeySet:
    """The keys of one source, by name (`kid`).

    Parameters
    ----------
    source : str
        Path of a file, or an https address.
    fetch : Callable[[str], bytes]
        Reads the source. Default: `read_file` or `fetch_https`.

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
        self._fetch = fetch or (fetch_https if "://" in source else read_file)
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._last_try: float | None = None
        self._last_success: float | None = None
        self._lock = threading.Lock()

    def is_due(self, name: str, now: float) -> bool:
        """Check whether `find` would fetch the keys first, which may take `FETCH_SECONDS`."""
        if self._last_try is not None and now - self._last_try < FLOOR_SECONDS:
            return False
        fresh = self._last_success is not None and now - self._last_success < FRESH_SECONDS
        return not fresh or name not in self._keys

    def find(self, name: str, now: float) -> jwt.PyJWK | None:
        """Find a key by its name, after fetching the keys if need be; None if there is none.

        Parameters
        ----------
        name : str
            Name (`kid`) of the key.
        now : float
            `serving.clock.ticks()`, in seconds.

        Raises
        ------
        KeysAwayError
            If the last known keys are too old, and none can be fetched.
        """
        if self.is_due(name, now):
            with self._lock:
                if self.is_due(name, now):
                    self._last_try = now
                    self._refresh(now)
        if self._last_success is None or now - self._last_success > LONGEST_SECONDS:
            cure = "check that GUANJIA_JWKS is right and can be reached; the log has the reason"
            raise KeysAwayError("public keys of tokens", "cannot be fetched", cure)
        return self._keys.get(name)

    def _refresh(self, now: float) -> None:
        try:
            self._keys = parse_key_set(self._source, self._fetch(self._source))
            self._last_success = now
        except GuanjiaError as error:
            logger.warning(
                "public keys of tokens cannot be fetched; the last known ones are used for up to"
                " %.0f hours: %s",
                LONGEST_SECONDS / 3600,
                error,
            )


def parse_key_set(source: str, content: bytes) -> Mapping[str, jwt.PyJWK]:
    """Parse a JSON Web Key Set; return its usable keys by name.

    Raises
    ------
    GuanjiaError
        If the content is not a key set, or holds no usable key.
    """
    thing = f"key set {source}"
    try:
        entries = json.loads(content)["keys"]
        by_name = {entry["kid"]: _usable(thing, entry) for entry in entries if entry.get("kid")}
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        cure = 'give it the form {"keys": [...]} of RFC 7517'
        raise GuanjiaError(thing, "is not a JSON Web Key Set", cure) from fault
    keys = {name: key for name, key in by_name.items() if key is not None}
    if not keys:
        cure = f"publish a named (kid) RSA key of {SMALLEST_RSA_BITS} bits, P-256 or Ed25519 key"
        raise GuanjiaError(thing, "holds no key that can be used", cure)
    return keys


def _usable(thing: str, entry: dict[str, Any]) -> jwt.PyJWK | None:
    """Load a key; None unless it is public, for signatures and of an accepted type."""
    if "d" in entry:
        logger.error(
            "%s: key %s is published with its private part and is ignored; the issuer must"
            " replace it",
            thing,
            entry["kid"],
        )
        return None
    algorithm = ALGORITHMS.get((entry.get("kty", ""), entry.get("crv")))
    if algorithm is None or entry.get("use", "sig") != "sig":
        return None
    if entry.get("alg", algorithm) != algorithm:
        return None
    try:
        key = jwt.PyJWK(entry, algorithm=algorithm)
    except jwt.PyJWTError as fault:
        logger.warning("%s: key %s cannot be read and is ignored: %s", thing, entry["kid"], fault)
        return None
    if algorithm == "RS256" and key.key.key_size < SMALLEST_RSA_BITS:
        logger.warning(
            "%s: key %s is ignored: it has fewer than %d bits",
            thing,
            entry["kid"],
            SMALLEST_RSA_BITS,
        )
        return None
    return key


def read_file(source: str) -> bytes:
    """Read the content of a file.

    Raises
    ------
    GuanjiaError
        If it cannot be read.
    """
    try:
        return Path(source).read_bytes()
    except OSError as error:
        fault = f"cannot be read ({error.strerror})"
        cure = "give GUANJIA_JWKS the path of a file that can be read"
        raise GuanjiaError(f"key set {source}", fault, cure) from error


class _NoRedirect(HTTPRedirectHandler):
    """Refuse redirects: keys come from the configured address only."""

    def redirect_request(self, *_: Any) -> None:
        return None


def fetch_https(source: str) -> bytes:
    """Fetch the content of an https address within `FETCH_SECONDS`.

    Raises
    ------
    GuanjiaError
        If the address does not answer in time, redirects, or answers more than `LARGEST_SET` bytes.
    """
    thing, cure = f"key set {source}", "check which server answers at this address"
    handlers = (HTTPSHandler(context=ssl.create_default_context()), ProxyHandler(), _NoRedirect())
    until, content = clock.ticks() + FETCH_SECONDS, b""
    try:
        with build_opener(*handlers).open(source, timeout=FETCH_SECONDS) as answer:
            # `timeout` is per read: a server that sends one byte a second would never reach it.
            while piece := answer.read1(65_536):
                content += piece
                if len(content) > LARGEST_SET or clock.ticks() > until:
                    raise GuanjiaError(thing, "is too large or too slow", cure)
    except (OSError, ValueError) as fault:
        raise GuanjiaError(thing, f"cannot be fetched ({fault})", cure) from fault
    return content
