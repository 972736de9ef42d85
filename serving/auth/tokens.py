"""Bearer tokens of the API: who asks, for what, of which branches, until when.

Tokens are JSON Web Tokens. What one must look like is pinned here: algorithm, issuer, audience and
expiry; a token that lacks one of them is refused. Either we sign them with one key (HS256):
`GUANJIA_TOKEN_KEY`, or a file under the home folder that only its owner can read. Or somebody else
signs them with a key whose public part is in `GUANJIA_JWKS`; then ours count no more.
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
from serving import clock
from serving.auth.access import SCOPES, Caller, known_scope
from serving.auth.token_keys import KeysAwayError, KeySet

ALGORITHM = "HS256"
ISSUER = "guanjia"
CLAIMS = ("sub", "iss", "aud", "iat", "exp")
SHORTEST_KEY = 32
LONGEST_SUBJECT = 200
LEEWAY_SECONDS = 10
"""By how much the clocks of who issues and who reads a token may differ."""
EVERY_BRANCH = "*"
MOST_SEEN = 4096


class _Seen(NamedTuple):
    """A token that was found valid: until when it is, signed by which key of which name."""

    expires: float
    signed_by: Any
    key_name: str
    caller: Caller


_seen: dict[tuple[str | None, str, str], _Seen] = {}
"""Tokens that were valid lately, by issuer, audience and token: a signature is not verified again
while its key stands and the token has not expired."""


class InvalidTokenError(GuanjiaError):
    """The caller did not show a valid token."""


def make_token(
    settings: Settings,
    subject: str,
    issued_at: datetime,
    lifetime: timedelta = timedelta(days=30),
    scopes: Collection[str] | None = None,
    branches: Collection[str] | None = None,
) -> str:
    """A token for `subject`, valid from `issued_at` for `lifetime`.

    Parameters
    ----------
    scopes : collection of str, optional
        What its bearer may do; default: everything there is today.
    branches : collection of str, optional
        Whose customers its bearer may see; default: those of every branch.

    Raises
    ------
    GuanjiaError
        If the subject is empty or too long, a scope or branch is none, the lifetime is not
        positive, the key is too short, or tokens are issued elsewhere (`GUANJIA_JWKS`).
    """
    if settings.jwks is not None:
        cure = "ask for one there, or unset GUANJIA_JWKS"
        raise GuanjiaError("token", "would not count: GUANJIA_JWKS says who issues them", cure)
    if not subject.strip():
        raise GuanjiaError("token", "has no subject", "say who will use it")
    if len(subject) > LONGEST_SUBJECT:
        cure = f"use at most {LONGEST_SUBJECT} characters"
        raise GuanjiaError("token", "has too long a subject", cure)
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
        "scope": " ".join(map(known_scope, SCOPES if scopes is None else scopes)),
        "branches": EVERY_BRANCH if branches is None else sorted(set(branches)),
    }
    return jwt.encode(claims, key(settings), algorithm=ALGORITHM)


def read_token(settings: Settings, token: str) -> Caller:
    """Whose request it is. May wait for keys to be fetched: `may_wait` says whether.

    Raises
    ------
    InvalidTokenError
        If the token is expired, altered, signed otherwise or meant for someone else.
    GuanjiaError
        If our own key is too short, or the keys of tokens cannot be had.
    """
    asked = (settings.token_issuer, settings.token_audience, token)
    try:
        seen = _seen.get(asked)
        name = _key_name(settings, token) if seen is None else seen.key_name
        signed_by, algorithm = _verifier(settings, name)
        if seen is not None and seen.signed_by == signed_by and clock.epoch() < seen.expires:
            return seen.caller
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
        cure = f"get a new one {_where(settings)}"
        raise InvalidTokenError("token", "has expired", cure) from None
    except jwt.PyJWTError:
        raise _invalid(settings) from None
    found = _caller(settings, claims)
    if len(_seen) >= MOST_SEEN:
        _seen.clear()
    _seen[asked] = _Seen(float(claims["exp"]), signed_by, name, found)
    return found


def get_ready(settings: Settings) -> None:
    """Have what judges tokens at hand before the first one comes.

    Keys that cannot be had yet are asked for again with the first token.

    Raises
    ------
    GuanjiaError
        If our own key is too short, or what is set cannot be.
    """
    if settings.jwks is None:
        key(settings)
        return
    with contextlib.suppress(KeysAwayError):
        key_set(settings).find("", clock.ticks())


def may_wait(settings: Settings, token: str) -> bool:
    """Whether `read_token` would fetch keys first, for as long as two seconds."""
    if settings.jwks is None:
        return False
    try:
        return key_set(settings).is_due(_key_name(settings, token), clock.ticks())
    except jwt.PyJWTError:
        return False


def key_set(settings: Settings) -> KeySet:
    """The keys of `GUANJIA_JWKS`, one set for all who ask.

    Raises
    ------
    GuanjiaError
        If the setting is not there, or nobody said whose tokens count.
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
    """The key that must have signed a token, and the one algorithm it goes with."""
    if settings.jwks is None:
        return key(settings), ALGORITHM
    found = key_set(settings).find(key_name, clock.ticks())
    if found is None:
        raise _invalid(settings)
    return found.key, found.algorithm_name


def _key_name(settings: Settings, token: str) -> str:
    """The name of the key that a token says signed it; our own has none."""
    return "" if settings.jwks is None else str(jwt.get_unverified_header(token).get("kid", ""))


def _caller(settings: Settings, claims: dict[str, Any]) -> Caller:
    """What the claims grant: what they do not say, they do not grant."""
    subject, scope, branches = claims["sub"], claims.get("scope", ""), claims.get("branches", [])
    if branches == EVERY_BRANCH:
        seen = None
    elif isinstance(branches, list) and all(isinstance(name, str) for name in branches):
        seen = frozenset(branches)
    else:
        raise _invalid(settings)
    if not isinstance(scope, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise _invalid(settings)
    # An issuer has scopes of its own (openid, profile): they are nothing to us.
    return Caller(subject, frozenset(scope.split()) & SCOPES.keys(), seen)


def _invalid(settings: Settings) -> InvalidTokenError:
    cure = f"send the one you get {_where(settings)}, as `Authorization: Bearer ...`"
    return InvalidTokenError("token", "is not valid here", cure)


def _where(settings: Settings) -> str:
    return "with `guanjia token`" if settings.jwks is None else f"from {settings.token_issuer}"


def key(settings: Settings) -> str:
    """The signing key: the setting, or the key file, made at first use."""
    if settings.token_key is not None:
        found = settings.token_key.get_secret_value()
        thing = "GUANJIA_TOKEN_KEY"
    else:
        path = settings.home / "token.key"
        found = read_or_create_key(path)
        thing = f"key file {path.name}"
    if len(found.encode()) < SHORTEST_KEY:
        cure = f"use at least {SHORTEST_KEY} random characters"
        raise GuanjiaError(thing, "is too short to be safe", cure)
    return found
