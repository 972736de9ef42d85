"""Bearer tokens of the API: who may ask, until when.

Tokens are JSON Web Tokens signed with one key (HS256). What a token must look like is pinned here:
algorithm, issuer, audience and expiry; a token that lacks one of them is refused. The key is
`GUANJIA_TOKEN_KEY`, or a file under the home folder that only its owner can read.
"""

import contextlib
import os
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt

from features.errors import GuanjiaError
from features.settings import Settings

ALGORITHM = "HS256"
ISSUER = "guanjia"
AUDIENCE = "guanjia-api"
CLAIMS = ("sub", "iss", "aud", "iat", "exp")
SHORTEST_KEY = 32


def make_token(
    settings: Settings, subject: str, issued_at: datetime, lifetime: timedelta = timedelta(days=30)
) -> str:
    """A token for `subject`, valid from `issued_at` for `lifetime`.

    Raises
    ------
    GuanjiaError
        If the subject is empty, the lifetime is not positive, or the key is too short.
    """
    if not subject.strip():
        raise GuanjiaError("token", "has no subject", "say who will use it")
    if lifetime <= timedelta(0):
        raise GuanjiaError("token", "would never be valid", "give it a lifetime above zero")
    if issued_at.tzinfo is None:
        raise GuanjiaError("token", "has no time zone in its date of issue", "pass an aware time")
    claims = {
        "sub": subject,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": issued_at,
        "exp": issued_at + lifetime,
    }
    return jwt.encode(claims, key(settings), algorithm=ALGORITHM)


def read_token(settings: Settings, token: str) -> str:
    """The subject of a valid token.

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
    return str(claims["sub"])


def key(settings: Settings) -> str:
    """The signing key: the setting, or the key file, made at first use."""
    if settings.token_key is not None:
        found = settings.token_key.get_secret_value()
        thing = "GUANJIA_TOKEN_KEY"
    else:
        path = settings.home / "token.key"
        found = _kept(path)
        thing = f"key file {path.name}"
    if len(found.encode()) < SHORTEST_KEY:
        cure = f"use at least {SHORTEST_KEY} random characters"
        raise GuanjiaError(thing, "is too short to be safe", cure)
    return found


def _kept(path: Path) -> str:
    # Written in full beside its place and then linked: of two processes that start at once, the
    # second finds the first one's key, and neither reads half a key.
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(48))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    return path.read_text(encoding="ascii").strip()
