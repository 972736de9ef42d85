"""Log users in through an identity provider: OpenID Connect, authorization code with PKCE.

The provider is declared in `<home>/console.toml`; the client's secret is `GUANJIA_CONSOLE_SECRET`.
Roles and branches come from claims of the ID token, anew at each login (OpenID Connect Core 1.0,
section 3.1; RFC 7636). What a login must remember meanwhile lies in a signed cookie.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from pydantic import Field, field_validator
from requests import RequestException

from features.declared import Declared, load_layered
from features.errors import GuanjiaError
from features.settings import Settings
from serving import clock
from serving.auth.roles import ROLES, require_role
from serving.auth.token_keys import parse_key_set
from serving.auth.tokens import signing_key
from serving.records.users.users import RefusedLoginError

FILE, MANUAL = "console.toml", "docs/console.md"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
ANSWER_SECONDS = 5.0
LOGIN_LASTS = timedelta(minutes=10)
LEEWAY_SECONDS = 30
CHINESE_AGAIN = "请重新登录"
SIGNED_BY, FOR_LOGINS = "HS256", "guanjia-console-login"
DISCOVERY = "/.well-known/openid-configuration"


class ProviderSettings(Declared):
    """An identity provider, and what its claims mean here."""

    issuer: str = Field(min_length=1, description="Its address, as its ID tokens name it.")
    client_id: str = Field(min_length=1, description="The name under which it knows Guanjia.")
    label: str = Field(default="统一身份认证", min_length=1, description="The button's words.")
    scopes: str = Field(default="openid profile", description="Scopes to ask for.")
    name_claim: str = Field(default="name", description="Claim with the name of the person.")
    roles_claim: str = Field(default="groups", description="Claim with groups of the person.")
    branches_claim: str | None = Field(
        default=None, description="Claim with the branches that they see; default: all branches."
    )
    roles: Mapping[str, str] = Field(
        min_length=1, description="Group as the provider names it -> role of the console."
    )

    @field_validator("issuer")
    @classmethod
    def _is_safe(cls, issuer: str) -> str:
        parts = urlsplit(issuer)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise ValueError("must be an https address")
        return issuer.rstrip("/")

    @field_validator("roles")
    @classmethod
    def _are_roles(cls, roles: Mapping[str, str]) -> Mapping[str, str]:
        for role in roles.values():
            if role not in ROLES:
                raise ValueError(f"has no role {role}: there are {', '.join(ROLES)}")
        return roles


class ConsoleSettings(Declared):
    """Settings of the console, `<home>/console.toml`."""

    provider: ProviderSettings | None = Field(
        default=None, description="An identity provider; default: users have passwords here."
    )
    passwords: bool = Field(
        default=True, description="Whether users may log in with passwords beside a provider."
    )


def load_console_settings(home: Path) -> ConsoleSettings:
    """Read `<home>/console.toml`; without it, users log in with passwords.

    Raises
    ------
    GuanjiaError
        If the file has a fault.
    """
    return load_layered(ConsoleSettings, home / FILE, manual=MANUAL)


@dataclass(frozen=True)
class Vouched:
    """A person whom the provider vouches for.

    Attributes
    ----------
    subject : str
        Their name at the provider, which never changes.
    full_name : str
        How they are called.
    roles : tuple of str
        Roles of the console that their groups give.
    branches : tuple of str or None
        Branches whose customers they see; None: all.
    """

    subject: str
    full_name: str
    roles: tuple[str, ...]
    branches: tuple[str, ...] | None


class Provider:
    """An identity provider, whose addresses and keys are read at first use.

    Parameters
    ----------
    declared : ProviderSettings
        As the home declares it.
    settings : Settings
        Give the client's secret, and the key that signs the cookie of a login.
    """

    def __init__(self, declared: ProviderSettings, settings: Settings) -> None:
        self.declared = declared
        self._settings = settings

    @cached_property
    def _addresses(self) -> Mapping[str, Any]:
        """The provider's discovery document."""
        document: Mapping[str, Any] = json.loads(self._get(self.declared.issuer + DISCOVERY))
        if str(document.get("issuer", "")).rstrip("/") != self.declared.issuer:
            cure = f"write in {FILE} the issuer that its discovery document names"
            chinese = "身份提供方", "自报的签发者与设置的不同", f"请管理员核对 {FILE}"
            raise GuanjiaError(
                f"provider {self.declared.issuer}", "names another issuer", cure, chinese=chinese
            )
        return document

    def begin(self, redirect_uri: str, back: str) -> tuple[str, str]:
        """Begin a login.

        Parameters
        ----------
        redirect_uri : str
            Where the provider sends the browser back.
        back : str
            The page that the user wants to see then.

        Returns
        -------
        address : str
            Where to send the browser.
        memory : str
            A signed text for the cookie of the login.

        Raises
        ------
        GuanjiaError
            If the provider does not answer.
        """
        verifier, nonce = generate_token(64), generate_token(32)
        with self._session(redirect_uri) as session:
            address, state = session.create_authorization_url(
                self._addresses["authorization_endpoint"], code_verifier=verifier, nonce=nonce
            )
        memory = {
            "aud": FOR_LOGINS,
            "exp": clock.epoch() + LOGIN_LASTS.total_seconds(),
            **{"state": state, "nonce": nonce, "verifier": verifier, "back": back},
        }
        return address, jwt.encode(memory, signing_key(self._settings), algorithm=SIGNED_BY)

    def finish(self, address: str, redirect_uri: str, memory: str) -> tuple[Vouched, str]:
        """Complete a login: trade the code for an ID token and read who it is of.

        Parameters
        ----------
        address : str
            The address that the provider sent the browser to, with its code and state.
        redirect_uri : str
            As in `begin`.
        memory : str
            What `begin` returned, from the cookie.

        Returns
        -------
        person : Vouched
            Who logs in.
        back : str
            The page that they want to see.

        Raises
        ------
        RefusedLoginError
            If the login is not one that we began, the provider refuses it, its token is not valid,
            or no group of the person has a role.
        GuanjiaError
            If the provider does not answer.
        """
        again = "log in again"
        try:
            login = jwt.decode(
                memory, signing_key(self._settings), [SIGNED_BY], audience=FOR_LOGINS
            )
        except jwt.PyJWTError:
            fault = "took too long or was not begun here"
            chinese = "登录", "等待太久，或不是从这里开始的", CHINESE_AGAIN
            raise RefusedLoginError("login", fault, again, chinese=chinese) from None
        try:
            with self._session(redirect_uri, login["state"]) as session:
                tokens = session.fetch_token(
                    self._addresses["token_endpoint"],
                    authorization_response=address,
                    code_verifier=login["verifier"],
                    timeout=ANSWER_SECONDS,
                )
        except (AuthlibBaseError, RequestException) as error:
            text = f"is refused by {self.declared.issuer} ({_first_line(error)})"
            chinese = "登录", f"被{self.declared.label}拒绝", CHINESE_AGAIN
            raise RefusedLoginError("login", text, again, chinese=chinese) from None
        claims = self._claims(str(tokens.get("id_token", "")))
        if claims.get("nonce") != login["nonce"]:
            chinese = "登录", "收到的是另一次登录的凭证", CHINESE_AGAIN
            fault = "has the token of another login"
            raise RefusedLoginError("login", fault, again, chinese=chinese)
        return self._person(claims), str(login["back"])

    def _claims(self, token: str) -> Mapping[str, Any]:
        """Verify an ID token: the type of the key decides the algorithm."""
        source = str(self._addresses["jwks_uri"])
        try:
            keys = parse_key_set(source, self._get(source))
            key = keys[str(jwt.get_unverified_header(token).get("kid"))]
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key.key,
                [str(key.algorithm_name)],
                audience=self.declared.client_id,
                issuer=str(self._addresses["issuer"]),
                leeway=LEEWAY_SECONDS,
                options={"require": ["sub", "iss", "aud", "iat", "exp"]},
            )
        except (jwt.PyJWTError, KeyError) as fault:
            cure = "tell whoever runs the identity provider"
            text = f"has an ID token that is not valid ({_first_line(fault)})"
            chinese = "登录", "收到的凭证无效", "请告诉身份提供方的管理员"
            raise RefusedLoginError("login", text, cure, chinese=chinese) from None
        return claims

    def _person(self, claims: Mapping[str, Any]) -> Vouched:
        declared, groups = self.declared, claims.get(self.declared.roles_claim)
        if not isinstance(groups, list):
            groups = [groups] if isinstance(groups, str) else []
        roles = sorted(
            {require_role(declared.roles[group]) for group in groups if group in declared.roles}
        )
        if not roles:
            cure = f"ask for a group that {FILE} gives a role"
            chinese = "登录", "您所在的组在管家里没有角色", "请管理员为您的组分配角色"
            fault = "has no group with a role here"
            raise RefusedLoginError("login", fault, cure, chinese=chinese)
        branches: tuple[str, ...] | None = None
        if declared.branches_claim is not None:
            listed = claims.get(declared.branches_claim)
            # Who is of no branch sees nobody; every branch is never meant by silence.
            branches = tuple(map(str, listed)) if isinstance(listed, list) else ()
        name = str(claims.get(declared.name_claim) or claims["sub"])
        return Vouched(str(claims["sub"]), name, tuple(roles), branches)

    def _session(self, redirect_uri: str, state: str | None = None) -> Any:
        secret = self._settings.console_secret
        return OAuth2Session(
            self.declared.client_id,
            None if secret is None else secret.get_secret_value(),
            scope=self.declared.scopes,
            redirect_uri=redirect_uri,
            state=state,
            code_challenge_method="S256",
            token_endpoint_auth_method="none" if secret is None else "client_secret_basic",
        )

    def _get(self, address: str) -> bytes:
        """Read a document of the provider."""
        import requests

        try:
            answer = requests.get(address, timeout=ANSWER_SECONDS, allow_redirects=False)
            answer.raise_for_status()
        except RequestException as fault:
            cure = "try again; or log in with a password, if you have one"
            text = f"does not answer ({_first_line(fault)})"
            chinese = "身份提供方", "没有应答", "请稍后再试；若有口令，也可用口令登录"
            raise GuanjiaError(
                f"provider {self.declared.issuer}", text, cure, chinese=chinese
            ) from None
        return answer.content


def _first_line(fault: Exception) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0][:200]
