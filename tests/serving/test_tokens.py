"""Tokens: only ours, only in time."""

import base64
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest

from features.errors import GuanjiaError
from features.settings import Settings
from serving.tokens import AUDIENCE, ISSUER, SCOPES, Caller, key, make_token, read_token

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, token_key=None)


def forged(settings: Settings, algorithm: str = "HS256", **changes: object) -> str:
    claims = {"sub": "a", "iss": ISSUER, "aud": AUDIENCE, "iat": NOW, "exp": NOW + DAY} | changes
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, key(settings), algorithm=algorithm)


def test_a_token_names_its_subject(settings: Settings) -> None:
    caller = read_token(settings, make_token(settings, "mini-program", NOW))
    assert caller == Caller("mini-program", frozenset(SCOPES), None)


def test_a_token_says_what_it_allows_and_whose_customers_it_shows(settings: Settings) -> None:
    token = make_token(settings, "desk", NOW, scopes=["predict"], branches=["B1", "B1"])
    assert read_token(settings, token) == Caller("desk", frozenset({"predict"}), frozenset({"B1"}))
    # One of an earlier release says nothing of it, and allows nothing.
    assert read_token(settings, forged(settings)).scopes == frozenset()
    # What this release does not know allows nothing either.
    assert read_token(settings, forged(settings, scope="predict rule")).scopes == {"predict"}


@pytest.mark.parametrize("changes", [{"scope": ["predict"]}, {"scope": "", "branches": "B1"}])
def test_what_it_allows_must_be_said_rightly(
    settings: Settings, changes: dict[str, object]
) -> None:
    with pytest.raises(GuanjiaError, match="does not say rightly what it allows"):
        read_token(settings, forged(settings, **changes))


def test_a_token_that_would_allow_nothing_is_not_made(settings: Settings) -> None:
    with pytest.raises(
        GuanjiaError, match=r"scope predcit: is not known\. Use one of \['predict'\]"
    ):
        make_token(settings, "a", NOW, scopes=["predcit"])
    for nothing in ({"scopes": []}, {"branches": []}):
        with pytest.raises(GuanjiaError, match="would allow nothing"):
            make_token(settings, "a", NOW, **nothing)  # type: ignore[arg-type]


def test_the_key_is_made_once_and_private(settings: Settings) -> None:
    assert key(settings) == key(settings)
    assert stat.S_IMODE((settings.home / "token.key").stat().st_mode) == 0o600


def test_an_expired_token_says_so(settings: Settings) -> None:
    with pytest.raises(GuanjiaError, match=r"token: has expired\. Get a new one"):
        read_token(settings, make_token(settings, "a", NOW - 2 * DAY, DAY))


@pytest.mark.parametrize(
    "changes", [{"aud": "other"}, {"iss": "other"}, {"exp": None}, {"aud": None}, {"sub": None}]
)
def test_every_claim_is_required(settings: Settings, changes: dict[str, object]) -> None:
    with pytest.raises(GuanjiaError, match="token: is not valid here"):
        read_token(settings, forged(settings, **changes))


def test_other_algorithms_are_refused(settings: Settings) -> None:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    until = int((NOW + DAY).timestamp())
    claims = {"sub": "a", "iss": ISSUER, "aud": AUDIENCE, "iat": until - 86_400, "exp": until}
    unsigned = f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."
    key(settings)
    for token in (unsigned, "nonsense", ""):
        with pytest.raises(GuanjiaError, match="is not valid here"):
            read_token(settings, token)


def test_a_token_of_another_key_is_refused(settings: Settings, tmp_path: Path) -> None:
    other = Settings(home=tmp_path / "other", token_key=None)
    with pytest.raises(GuanjiaError, match="is not valid here"):
        read_token(settings, make_token(other, "a", NOW))


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GuanjiaError, match="GUANJIA_TOKEN_KEY: is too short"):
        key(Settings(home=tmp_path, token_key="short"))  # type: ignore[arg-type]
