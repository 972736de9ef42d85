"""Declare the scopes of the API, and the scope that each endpoint requires.

The service does not start with an endpoint that is missing here, so that none is open by mistake.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from features.errors import GuanjiaError, unknown_name

SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "predict": "read predictions, stars and reasons of customers",
        "events": "report events of customers",
        "decide": "ask for the next contact of a customer, and list due touchpoints",
        "outcomes": "report outcomes of contacts",
        "decisions:read": "read past decisions with their reasons, and request reviews",
        "reviews:read": "list reviews of decisions, with answers",
        "reviews:answer": "answer a review",
        "consents:read": "read consents of customers",
        "consents:write": "change consents of customers",
        "customers:erase": "erase a customer",
        "campaigns:read": "read and measure campaigns, and the arms of customers",
        "campaigns:write": "plan, launch and stop campaigns",
        "customers:read": "read names and numbers of customers on lists",
        "lists:read": "read lists, previews and masked members",
        "lists:write": "write definitions of lists",
        "lists:release": "release lists, and approve releases",
        "lists:export": "export lists",
        "touchpoints:read": "read the catalogue of touchpoints",
        "tags:read": "read the catalogue of tags",
        "reports:read": "read reports of the renewal funnel, service, stars and relationships",
        "metrics:read": "read metrics of the service",
        "models:promote": "promote models and roll them back",
        "home:read": "read what became of a day: deliveries, quality, published days",
    }
)
ENDPOINTS: Mapping[str, str] = MappingProxyType(
    {
        "POST /v1/predict": "predict",
        "POST /v1/decide": "decide",
        "POST /v1/decisions": "decide",
        "GET /v1/decisions/{decision_id}": "decisions:read",
        "POST /v1/decisions/{decision_id}/review": "decisions:read",
        "GET /v1/reviews": "reviews:read",
        "POST /v1/reviews/{review_id}/answer": "reviews:answer",
        "POST /v1/outcomes": "outcomes",
        "GET /v1/customers/{customer_id}/consents": "consents:read",
        "POST /v1/customers/{customer_id}/consents": "consents:write",
        "DELETE /v1/customers/{customer_id}": "customers:erase",
        "GET /v1/customers/{customer_id}/campaigns": "campaigns:read",
        "GET /v1/campaigns": "campaigns:read",
        "POST /v1/campaigns": "campaigns:write",
        "GET /v1/campaigns/{name}": "campaigns:read",
        "POST /v1/campaigns/{name}/launch": "campaigns:write",
        "POST /v1/campaigns/{name}/stop": "campaigns:write",
        "GET /v1/campaigns/{name}/measurement": "campaigns:read",
        "POST /v1/events": "events",
        "GET /v1/due": "decide",
        "GET /v1/triggers": "decide",
        "POST /v1/conditions/count": "lists:read",
        "POST /v1/conditions/overlap": "lists:read",
        "GET /v1/lists": "lists:read",
        "POST /v1/lists": "lists:write",
        "POST /v1/lists/preview": "lists:read",
        "POST /v1/lists/count": "lists:read",
        "GET /v1/lists/{name}": "lists:read",
        "GET /v1/lists/{name}/versions": "lists:read",
        "GET /v1/lists/{name}/diff": "lists:read",
        "GET /v1/lists/{name}/count": "lists:read",
        "GET /v1/lists/{name}/preview": "lists:read",
        "GET /v1/lists/{name}/preview/{rule}": "lists:read",
        "GET /v1/lists/{name}/why/{customer_id}": "lists:read",
        "GET /v1/lists/{name}/releases": "lists:read",
        "POST /v1/lists/{name}/releases": "lists:release",
        "POST /v1/lists/{name}/releases/{release_id}/approval": "lists:release",
        "GET /v1/lists/{name}/releases/{release_id}/members": "lists:read",
        "GET /v1/lists/{name}/releases/{release_id}/people": "customers:read",
        "GET /v1/lists/{name}/releases/{release_id}/file": "lists:export",
        "GET /v1/touchpoints": "touchpoints:read",
        "GET /v1/tags": "tags:read",
        "GET /v1/reports/funnel": "reports:read",
        "GET /v1/reports/monday": "reports:read",
        "GET /v1/reports/service": "reports:read",
        "GET /v1/reports/stars": "reports:read",
        "GET /v1/reports/stages": "reports:read",
        "GET /v1/metrics": "metrics:read",
        "GET /v1/service-effect": "reports:read",
    }
)
SHORT: Mapping[str, str] = MappingProxyType(
    {"POST /predict": "POST /v1/predict", "POST /decide": "POST /v1/decide"}
)
"""Short names of the first release, which stay; the API document has the long ones."""


@dataclass(frozen=True)
class Caller:
    """The sender of a request, as the token says.

    Attributes
    ----------
    subject : str
        To whom the token was issued.
    scopes : frozenset of str
        What the caller may do, names of `SCOPES`.
    branches : frozenset of str or None
        Branches whose customers the caller may see; None: all.
    """

    subject: str
    scopes: frozenset[str]
    branches: frozenset[str] | None


def scope_of(method: str, path: str) -> str:
    """Look up the scope that an endpoint requires.

    Raises
    ------
    GuanjiaError
        If `ENDPOINTS` does not have the endpoint, or names a scope that `SCOPES` does not have.

    Examples
    --------
    >>> scope_of("POST", "/predict")
    'predict'
    """
    endpoint = f"{method} {path}"
    endpoint = SHORT.get(endpoint, endpoint)
    if endpoint not in ENDPOINTS:
        cure = "add it to ENDPOINTS in serving/auth/access.py"
        raise GuanjiaError(f"endpoint {endpoint}", "has no declared scope", cure)
    return require_scope(ENDPOINTS[endpoint])


def require_scope(name: str) -> str:
    """Return the name of a scope; refuse a name that is none.

    Raises
    ------
    UnknownNameError
        If no scope has the name; the error names the nearest.
    """
    if name not in SCOPES:
        raise unknown_name("scope", name, SCOPES)
    return name
