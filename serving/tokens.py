"""Bearer tokens of the API: who may ask, until when.

Tokens are JSON Web Tokens signed with one key (HS256). What a token must look like is pinned here:
algorithm, issuer, audience and expiry; a token that lacks one of them is refused. The key is
`GUANJIA_TOKEN_KEY`, or a file under the home folder that only its owner can read. A token says what
it allows (`scope`) and, if not all, of which branches its bearer sees customers (`branches`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any

import jwt

from features.errors import GuanjiaError
from features.settings import Settings
from serving.key_file import kept_key

ALGORITHM = "HS256"
ISSUER = "guanjia"
AUDIENCE = "guanjia-api"
CLAIMS = ("sub", "iss", "aud", "iat", "exp")
SCOPES = {
    "predict": "predictions and stars",
    "decide": "the next contact with a customer",
    "outcomes": "what became of contacts",
    "consents:read": "what customers consent to",
    "consents:write": "changes of consents",
    "decisions:read": "decisions of the past, and their explanation",
    "events": "what happens to customers",
}
"""What a token may allow."""
SHORTEST_KEY = 32


@dataclass(frozen=True)
class Caller:
    """Whose token it is, and what it allows.

    Attributes
    ----------
    subject : str
    scopes : frozenset of str
        Of `SCOPES`.
    branches : frozenset of str or None
        Whose customers he sees; None: those of all.
    """

    subject: str
    scopes: frozenset[str]
    branches: frozenset[str] | None


def make_token(
    settings: Settings,
    subject: str,
    issued_at: datetime,
    lifetime: timedelta = timedelta(days=30),
    *,
    scopes: Collection[str] = tuple(SCOPES),
    branches: Collection[str] | None = None,
) -> str:
    """A token for `subject`, valid from `issued_at` for `lifetime`.

    Raises
    ------
    GuanjiaError
        If the subject is empty, the lifetime is not positive, a scope is unknown, no scope or no
        branch is left, or the key is too short.
    """
    if not subject.strip():
        raise GuanjiaError("token", "has no subject", "say who will use it")
    if lifetime <= timedelta(0):
        raise GuanjiaError("token", "would never be valid", "give it a lifetime above zero")
    if issued_at.tzinfo is None:
        raise GuanjiaError("token", "has no time zone in its date of issue", "pass an aware time")
    for scope in scopes:
        if scope not in SCOPES:
            near = get_close_matches(scope, SCOPES, n=1) or list(SCOPES)
            raise GuanjiaError(f"scope {scope}", "is not known", f"use one of {near}")
    if not scopes or (branches is not None and not branches):
        raise GuanjiaError("token", "would allow nothing", "name a scope, or a branch, or none")
    claims = {
        "sub": subject,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": issued_at,
        "exp": issued_at + lifetime,
        "scope": " ".join(sorted(set(scopes))),
        **({} if branches is None else {"branches": sorted(set(branches))}),
    }
    return jwt.encode(claims, key(settings), algorithm=ALGORITHM)


def read_token(settings: Settings, token: str) -> Caller:
    """The bearer of a valid token.

    Raises
    ------
    GuanjiaError
        If the token is expired, altered, signed otherwise or meant for someone else.
    """
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key(settings),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": list(CLAIMS)},
        )
    except jwt.ExpiredSignatureError:
        raise GuanjiaError("token", "has expired", "get a new one with `guanjia token`") from None
    except jwt.PyJWTError:
        cure = "send the one that `guanjia token` printed, as `Authorization: Bearer ...`"
        raise GuanjiaError("token", "is not valid here", cure) from None
    scope, branches = claims.get("scope", ""), claims.get("branches")
    listed = isinstance(branches, list) and all(isinstance(one, str) for one in branches)
    if not isinstance(scope, str) or not (branches is None or listed):
        cure = "send the one that `guanjia token` printed"
        raise GuanjiaError("token", "does not say rightly what it allows", cure)
    return Caller(
        str(claims["sub"]),
        frozenset(scope.split()) & SCOPES.keys(),
        None if branches is None else frozenset(branches),
    )


def key(settings: Settings) -> str:
    """The signing key: the setting, or the key file, made at first use."""
    if settings.token_key is not None:
        found = settings.token_key.get_secret_value()
        thing = "GUANJIA_TOKEN_KEY"
    else:
        path = settings.home / "token.key"
        found = kept_key(path)
        thing = f"key file {path.name}"
    if len(found.encode()) < SHORTEST_KEY:
        cure = f"use at least {SHORTEST_KEY} random characters"
        raise GuanjiaError(thing, "is too short to be safe", cure)
    return found
