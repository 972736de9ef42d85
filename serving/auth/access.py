"""Who may do what: the scopes of the API, and the one that each endpoint asks for.

An endpoint that is not named here does not start: nothing is open because somebody forgot it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from features.errors import GuanjiaError, unknown_name

SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "predict": "predictions, stars and reasons of customers",
        "events": "tell what happened to customers",
        "decide": "ask for the next contact of a customer",
        "outcomes": "tell what became of a contact",
        "decisions:read": "decisions of the past, explained, and to ask for their review",
        "reviews:read": "decisions that a human is asked to review, and the answers",
        "reviews:answer": "answer such a review",
        "consents:read": "what customers consented to",
        "consents:write": "change what a customer consented to",
        "customers:erase": "erase a customer",
        "touchpoints:read": "the catalogue of touchpoints",
        "tags:read": "the catalogue of tags",
    }
)
ENDPOINTS: Mapping[str, str] = MappingProxyType(
    {
        "POST /predict": "predict",
        "POST /decide": "decide",
        "GET /v1/decisions/{decision_id}": "decisions:read",
        "POST /v1/decisions/{decision_id}/review": "decisions:read",
        "GET /v1/reviews": "reviews:read",
        "POST /v1/reviews/{review_id}/answer": "reviews:answer",
        "POST /v1/outcomes": "outcomes",
        "GET /v1/customers/{customer_id}/consents": "consents:read",
        "POST /v1/customers/{customer_id}/consents": "consents:write",
        "DELETE /v1/customers/{customer_id}": "customers:erase",
        "POST /v1/events": "events",
        "GET /v1/due": "decide",
        "GET /v1/touchpoints": "touchpoints:read",
        "GET /v1/tags": "tags:read",
    }
)


@dataclass(frozen=True)
class Caller:
    """Whose request it is, by the token.

    Attributes
    ----------
    subject : str
        Who the token was issued to.
    scopes : frozenset of str
        What the caller may do, of `SCOPES`.
    branches : frozenset of str or None
        Whose customers the caller may see; None: those of every branch.
    """

    subject: str
    scopes: frozenset[str]
    branches: frozenset[str] | None


def scope_of(method: str, path: str) -> str:
    """The scope that an endpoint asks for.

    Raises
    ------
    GuanjiaError
        If `ENDPOINTS` does not name it, or names a scope that `SCOPES` does not have.

    Examples
    --------
    >>> scope_of("POST", "/predict")
    'predict'
    """
    endpoint = f"{method} {path}"
    if endpoint not in ENDPOINTS:
        cure = "add it to ENDPOINTS in serving/auth/access.py"
        raise GuanjiaError(f"endpoint {endpoint}", "has no declared scope", cure)
    return known_scope(ENDPOINTS[endpoint])


def known_scope(name: str) -> str:
    """The name, if it is a scope's.

    Raises
    ------
    UnknownNameError
        If it is none; it names the nearest.
    """
    if name not in SCOPES:
        raise unknown_name("scope", name, SCOPES)
    return name
