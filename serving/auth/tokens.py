"""Issue and verify bearer tokens: who the caller is, with which scopes and branches, until when.

Tokens are JSON Web Tokens with a fixed algorithm, issuer, audience and expiry; a token that lacks
one of them is refused. Either we sign them with one key (HS256): `GUANJIA_TOKEN_KEY`, or a file
under the home folder that only its owner can read. Or an identity provider signs them with a key
whose public part is in `GUANJIA_JWKS`; then our own tokens are no longer valid.
"""

import contextlib
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import jwt

from features.errors import GuanjiaError
from features.key_file import read_or_create_key
from features.settings import Settings
from features.texts import CONTROL
from serving import clock
from serving.auth.access import SCOPES, Caller, require_scope
from serving.auth.token_keys import KeysAwayError, KeySet

ALGORITHM = "HS256"
ISSUER = "guanjia"
CLAIMS = ("sub", "iss", "aud", "iat", "exp")
SHORTEST_KEY = 32
LONGEST_SUBJECT = 200
LEEWAY_SECONDS = 10
"""By how much the clocks of issuer and service may differ."""
EVERY_BRANCH = "*"
MOST_VERIFIED = 4096


class _VerifiedToken(NamedTuple):
    """A token that was verified, with its expiry and the key that signed it."""

    expires: float
    signed_by: Any
    key_name: str
    caller: Caller


_verified: dict[tuple[str | None, str, str], _VerifiedToken] = {}
"""Cache of verified tokens, by issuer, audience and token: a signature is not verified again while
its key is the same and the token has not expired."""


class InvalidTokenError(GuanjiaError):
    """The request has no valid token."""


def make_token(
    settings: Settings,
    subject: str,
    issued_at: datetime,
    lifetime: timedelta = timedelta(days=30),
    scopes: Collection[str] | None = None,
    branches: Collection[str] | None = None,
) -> str:
    """Issue a token.

    Parameters
    ----------
    settings : Settings
        Settings with the signing key, issuer and audience.
    subject : str
        Who will use the token.
    issued_at : datetime
        When it begins to be valid, with a time zone.
    lifetime : timedelta
        How long it is valid.
    scopes : collection of str, optional
        Scopes of the token. Default: all that exist today.
    branches : collection of str, optional
        Branches whose customers its bearer may see. Default: all.

    Raises
    ------
    GuanjiaError
        If the subject is empty, too long or has control characters, a scope or branch is not one,
        the lifetime is not positive, the key is too short, or an identity provider issues tokens
        (`GUANJIA_JWKS`).
    """
    if settings.jwks is not None:
        fault = "would be refused: GUANJIA_JWKS names another issuer of tokens"
        cure = "get one from that issuer, or unset GUANJIA_JWKS"
        raise GuanjiaError("token", fault, cure)
    if not subject.strip():
        raise GuanjiaError("token", "has no subject", "say who will use it")
    if len(subject) > LONGEST_SUBJECT:
        cure = f"use at most {LONGEST_SUBJECT} characters"
        raise GuanjiaError("token", "has too long a subject", cure)
    if any(CONTROL.search(name) for name in (subject, *(branches or ()))):
        cure = "use letters, digits, spaces and signs"
        raise GuanjiaError("token", "has a control character in its subject or branch", cure)
    if lifetime <= timedelta(0):
        raise GuanjiaError("token", "would never be valid", "give it a lifetime above zero")
    if issued_at.tzinfo is None:
        raise GuanjiaError("token", "has no time zone in its date of issue", "pass an aware time")
    if branches is not None and not all(name.strip(f"{EVERY_BRANCH} ") for name in branches):
        raise GuanjiaError("token", "has a branch without a name", "leave it out for every branch")
    claims = {
        "sub": subject,
        "iss": settings.token_issuer or ISSUER,
        "aud": settings.token_audience,
        "iat": issued_at,
        "exp": issued_at + lifetime,
        "scope": " ".join(map(require_scope, SCOPES if scopes is None else scopes)),
        "branches": EVERY_BRANCH if branches is None else sorted(set(branches)),
    }
    return jwt.encode(claims, signing_key(settings), algorithm=ALGORITHM)


def read_token(settings: Settings, token: str) -> Caller:
    """Verify a token and return its caller; may wait for keys to be fetched (see `may_wait`).

    Raises
    ------
    InvalidTokenError
        If the token is expired, altered, signed with another key or meant for another audience, or
        its subject or a branch has a control character.
    GuanjiaError
        If our own key is too short, or the public keys cannot be fetched.
    """
    cache_key = (settings.token_issuer, settings.token_audience, token)
    try:
        earlier = _verified.get(cache_key)
        name = _key_name(settings, token) if earlier is None else earlier.key_name
        signed_by, algorithm = _verifier(settings, name)
        if earlier and earlier.signed_by == signed_by and clock.epoch() < earlier.expires:
            return earlier.caller
        claims: dict[str, Any] = jwt.decode(
            token,
            signed_by,
            algorithms=[algorithm],
            audience=settings.token_audience,
            issuer=settings.token_issuer or ISSUER,
            leeway=LEEWAY_SECONDS,
            options={"require": list(CLAIMS)},
        )
    except jwt.ExpiredSignatureError:
        cure = f"get a new one {_issuer_words(settings)}"
        raise InvalidTokenError("token", "has expired", cure) from None
    except jwt.PyJWTError:
        raise _invalid(settings) from None
    caller = _caller(settings, claims)
    if len(_verified) >= MOST_VERIFIED:
        _verified.clear()
    _verified[cache_key] = _VerifiedToken(float(claims["exp"]), signed_by, name, caller)
    return caller


def get_ready(settings: Settings) -> None:
    """Load the keys that verify tokens before the first token comes.

    Public keys that cannot be fetched yet are fetched again with the first token.

    Raises
    ------
    GuanjiaError
        If our own key is too short, or settings contradict each other.
    """
    if settings.jwks is None:
        signing_key(settings)
        return
    with contextlib.suppress(KeysAwayError):
        key_set(settings).find("", clock.ticks())


def may_wait(settings: Settings, token: str) -> bool:
    """Check whether `read_token` would fetch keys first, for up to two seconds."""
    if settings.jwks is None:
        return False
    try:
        return key_set(settings).is_due(_key_name(settings, token), clock.ticks())
    except jwt.PyJWTError:
        return False


def key_set(settings: Settings) -> KeySet:
    """Return the public keys of `GUANJIA_JWKS`; all callers share one set.

    Raises
    ------
    GuanjiaError
        If `GUANJIA_JWKS` or `GUANJIA_TOKEN_ISSUER` is not set.
    """
    if settings.jwks is None:
        raise GuanjiaError("GUANJIA_JWKS", "is not set", "set it to a file or an https address")
    if settings.token_issuer is None:
        cure = "set it to the issuer (iss) that tokens name"
        raise GuanjiaError("GUANJIA_TOKEN_ISSUER", "is not set beside GUANJIA_JWKS", cure)
    return _key_set(settings.jwks)


@lru_cache(maxsize=8)
def _key_set(source: str) -> KeySet:
    return KeySet(source)


def _verifier(settings: Settings, key_name: str) -> tuple[Any, str]:
    """Return the key that must have signed a token, and its one algorithm."""
    if settings.jwks is None:
        return signing_key(settings), ALGORITHM
    public_key = key_set(settings).find(key_name, clock.ticks())
    if public_key is None:
        raise _invalid(settings)
    return public_key.key, public_key.algorithm_name


def _key_name(settings: Settings, token: str) -> str:
    """Read the name of the signing key from a token's header; our own key has no name."""
    return "" if settings.jwks is None else str(jwt.get_unverified_header(token).get("kid", ""))


def _caller(settings: Settings, claims: dict[str, Any]) -> Caller:
    """Build the caller from the claims; a scope or branch that is not claimed is not granted."""
    subject, scope, branches = claims["sub"], claims.get("scope", ""), claims.get("branches", [])
    if branches == EVERY_BRANCH:
        visible = None
    elif isinstance(branches, list) and all(isinstance(name, str) for name in branches):
        visible = frozenset(branches)
    else:
        raise _invalid(settings)
    if not isinstance(scope, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise _invalid(settings)
    if any(CONTROL.search(name) for name in (subject, *(visible or ()))):
        raise _invalid(settings)
    # An issuer has scopes of its own (openid, profile), which are ignored.
    return Caller(subject, frozenset(scope.split()) & SCOPES.keys(), visible)


def _invalid(settings: Settings) -> InvalidTokenError:
    cure = f"send the one you get {_issuer_words(settings)}, as `Authorization: Bearer ...`"
    return InvalidTokenError("token", "is not valid here", cure)


def _issuer_words(settings: Settings) -> str:
    """Say where a caller gets a token."""
    return "with `guanjia token`" if settings.jwks is None else f"from {settings.token_issuer}"


def signing_key(settings: Settings) -> str:
    """Return our signing key: the setting, or the key file, created at first use.

    Raises
    ------
    GuanjiaError
        If the key is too short.
    """
    if settings.token_key is not None:
        key = settings.token_key.get_secret_value()
        thing = "GUANJIA_TOKEN_KEY"
    else:
        path = settings.home / "token.key"
        key = read_or_create_key(path)
        thing = f"key file {path.name}"
    if len(key.encode()) < SHORTEST_KEY:
        cure = f"use at least {SHORTEST_KEY} random characters"
        raise GuanjiaError(thing, "is too short to be safe", cure)
    return key
