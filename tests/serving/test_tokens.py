"""Tokens: only ours, only in time, and only for what they say."""

import base64
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest

from features.errors import GuanjiaError
from features.settings import Settings
from serving.auth.access import SCOPES, Caller
from serving.auth.tokens import ISSUER, InvalidTokenError, make_token, read_token, signing_key

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
AUDIENCE = "guanjia-api"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, token_key=None)


def forged(settings: Settings, algorithm: str = "HS256", **changes: object) -> str:
    claims = {"sub": "a", "iss": ISSUER, "aud": AUDIENCE, "iat": NOW, "exp": NOW + DAY} | changes
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, signing_key(settings), algorithm=algorithm)


def test_a_token_allows_everything_unless_it_says_less(settings: Settings) -> None:
    whole = read_token(settings, make_token(settings, "mini-program", NOW))
    assert whole == Caller("mini-program", frozenset(SCOPES), None)
    less = make_token(settings, "desk", NOW, DAY, ["predict", "events"], ["杭州", "HZ 02"])
    assert read_token(settings, less) == Caller(
        "desk", frozenset({"predict", "events"}), frozenset({"杭州", "HZ 02"})
    )


def test_what_a_token_does_not_say_it_does_not_grant(settings: Settings) -> None:
    assert read_token(settings, forged(settings)) == Caller("a", frozenset(), frozenset())


def test_scopes_of_others_are_nothing_to_us(settings: Settings) -> None:
    token = forged(settings, scope="openid predict profile", branches="*")
    assert read_token(settings, token) == Caller("a", frozenset({"predict"}), None)


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": ["predict"]},
        {"branches": "杭州"},
        {"branches": [1]},
        {"branches": {"*": 1}},
        {"branches": True},
        {"sub": ""},
        {"sub": "a\0"},
        {"sub": "a\ud800"},
        {"sub": "a\nb"},
        {"branches": ["HZ\0"]},
        {"sub": 7},
        {"sub": "a" * 201},
    ],
)
def test_claims_of_another_form_are_refused(settings: Settings, changes: dict[str, object]) -> None:
    with pytest.raises(InvalidTokenError, match="token: is not valid here"):
        read_token(settings, forged(settings, **changes))


def test_the_key_is_made_once_and_private(settings: Settings) -> None:
    assert signing_key(settings) == signing_key(settings)
    assert stat.S_IMODE((settings.home / "token.key").stat().st_mode) == 0o600


def test_an_expired_token_says_so(settings: Settings) -> None:
    with pytest.raises(InvalidTokenError, match=r"token: has expired\. Get a new one"):
        read_token(settings, make_token(settings, "a", NOW - 2 * DAY, DAY))


@pytest.mark.parametrize(
    "changes", [{"aud": "other"}, {"iss": "other"}, {"exp": None}, {"aud": None}, {"sub": None}]
)
def test_every_claim_is_required(settings: Settings, changes: dict[str, object]) -> None:
    with pytest.raises(InvalidTokenError, match="token: is not valid here"):
        read_token(settings, forged(settings, **changes))


def test_issuer_and_audience_can_be_set(settings: Settings, tmp_path: Path) -> None:
    other = Settings(home=tmp_path, token_key=None, token_issuer="hub", token_audience="touch")
    token = make_token(other, "a", NOW)
    assert read_token(other, token).subject == "a"
    for claims in ({"iss": "hub"}, {"aud": "touch"}):
        with pytest.raises(InvalidTokenError, match="is not valid here"):
            read_token(other, forged(settings, **claims))
    with pytest.raises(InvalidTokenError, match="is not valid here"):
        read_token(settings, token)


def test_other_algorithms_are_refused(settings: Settings) -> None:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    until = int((NOW + DAY).timestamp())
    claims = {"sub": "a", "iss": ISSUER, "aud": AUDIENCE, "iat": until - 86_400, "exp": until}
    unsigned = f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."
    signing_key(settings)
    for token in (unsigned, "nonsense", "", forged(settings, "HS512"), forged(settings, "HS384")):
        with pytest.raises(InvalidTokenError, match="is not valid here"):
            read_token(settings, token)


def test_a_token_of_another_key_is_refused(settings: Settings, tmp_path: Path) -> None:
    other = Settings(home=tmp_path / "other", token_key=None)
    with pytest.raises(InvalidTokenError, match="is not valid here"):
        read_token(settings, make_token(other, "a", NOW))


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GuanjiaError, match="GUANJIA_TOKEN_KEY: is too short"):
        signing_key(Settings(home=tmp_path, token_key="short"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"scopes": ["predct"]}, r"scope predct: is not known\. Did you mean predict"),
        ({"branches": ["*"]}, "token: has a branch without a name"),
        ({"branches": ["杭州", " "]}, "token: has a branch without a name"),
        ({"subject": " "}, "token: has no subject"),
        ({"subject": "a" * 201}, "token: has too long a subject"),
        ({"lifetime": timedelta(0)}, "token: would never be valid"),
    ],
)
def test_no_token_is_issued_that_would_not_do(
    settings: Settings, asked: dict[str, object], told: str
) -> None:
    with pytest.raises(GuanjiaError, match=told):
        make_token(settings, **{"subject": "a", "issued_at": NOW} | asked)  # type: ignore[arg-type]


def test_the_command_takes_scopes_and_branches(guanjia, home: Path) -> None:  # type: ignore[no-untyped-def]
    words = ["token", "desk", "--scope", "predict", "--scope", "events", "--branch", "杭州"]
    done = guanjia(*words, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["scopes"], told["branches"]) == (["predict", "events"], ["杭州"])
    found = read_token(Settings(home=home, token_key=None), told["token"])
    assert found == Caller("desk", frozenset({"predict", "events"}), frozenset({"杭州"}))
    wrong = guanjia("token", "desk", "--scope", "everything")
    assert (wrong.returncode, "scope everything: is not known" in wrong.stderr) == (2, True)


def test_a_token_that_was_valid_ends_when_it_expires(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It has expired and is within the leeway; nobody waits for real time to pass.
    monkeypatch.setattr("serving.auth.tokens.LEEWAY_SECONDS", 3600)
    token = make_token(settings, "a", NOW - DAY, DAY - timedelta(seconds=7))
    assert read_token(settings, token).subject == "a"
    monkeypatch.setattr("serving.auth.tokens.LEEWAY_SECONDS", 0)
    with pytest.raises(InvalidTokenError, match="has expired"):
        read_token(settings, token)


def test_a_token_that_was_valid_ends_with_its_key(settings: Settings, tmp_path: Path) -> None:
    token = make_token(settings, "a", NOW)
    assert read_token(settings, token) == read_token(settings, token)
    (tmp_path / "token.key").write_text("another key, of more than thirty-two characters")
    with pytest.raises(InvalidTokenError, match="is not valid here"):
        read_token(settings, token)


def test_what_was_seen_valid_here_is_not_valid_elsewhere(settings: Settings) -> None:
    token = make_token(settings, "a", NOW)
    assert read_token(settings, token).subject == "a"
    for change in ({"token_audience": "others"}, {"token_issuer": "hub"}):
        with pytest.raises(InvalidTokenError):
            read_token(settings.model_copy(update=change), token)


def test_few_tokens_are_remembered(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.auth.tokens.MOST_VERIFIED", 3)
    monkeypatch.setattr("serving.auth.tokens._verified", seen := {})
    for name in "abcde":
        assert read_token(settings, make_token(settings, name, NOW)).subject == name
        assert len(seen) <= 3
