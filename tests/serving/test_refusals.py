"""What the running service refuses, in which words, and what it shows to whom without a token."""

import json
import operator
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
from marketing_endpoints import marketing_endpoints

from features.settings import Settings
from serving.api.door.limits import LARGEST_BODY
from serving.auth.access import ENDPOINTS
from serving.auth.tokens import make_token
from serving.schemas import Refusal

Ask = Callable[..., httpx.Response]
pytestmark = pytest.mark.slow

CUSTOMER = "C00000001"
ONE = json.dumps({"customer_ids": [CUSTOMER]}).encode()
LIMIT = LARGEST_BODY
JSON = {"Content-Type": "application/json"}


class Running(Protocol):
    """What the fixture `service` gives."""

    home: Path
    token: str
    log: Path


def refused(response: httpx.Response, status: int) -> list[dict[str, str]]:
    """The faults of an answer that is what every refusal must be."""
    assert response.status_code == status, response.text[:300]
    assert response.headers["content-type"] == "application/json"
    assert not re.search(r"Traceback|File \"|line \d", response.text)
    found = Refusal.model_validate_json(response.text)
    assert found.faults
    assert all(one.thing and one.fault and one.cure for one in found.faults)
    answer: list[dict[str, str]] = response.json()["faults"]
    return answer


def bearer(token: str) -> dict[str, str]:
    return JSON | {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def expired(service: Running) -> str:
    """A token of the service's own key that was valid until yesterday."""
    settings = Settings(home=service.home, token_key=None)
    day = timedelta(days=1)
    return make_token(settings, "tests", datetime.now(UTC) - 2 * day, day)


@pytest.mark.parametrize("content", [ONE, b"{", b"", b'{"customer_ids": []}'])
def test_without_a_token_nothing_is_read(client: httpx.Client, content: bytes) -> None:
    response = client.post("/predict", content=content, headers=JSON)
    (fault,) = refused(response, 401)
    assert response.headers["www-authenticate"] == "Bearer"
    assert (fault["thing"], fault["fault"]) == ("request", "has no bearer token")
    assert "guanjia token" in fault["cure"]


@pytest.mark.parametrize("scheme", ["Basic", "Token", "bearer"])
def test_only_a_bearer_token_counts(client: httpx.Client, service: Running, scheme: str) -> None:
    headers = JSON | {"Authorization": f"{scheme} {service.token}"}
    response = client.post("/predict", content=ONE, headers=headers)
    if scheme == "bearer":
        assert response.status_code == 200
    else:
        assert refused(response, 401)[0]["fault"] == "has no bearer token"


def test_a_wrong_token_is_refused(client: httpx.Client, service: Running, tmp_path: Path) -> None:
    head, claims, signature = service.token.split(".")
    strange = make_token(Settings(home=tmp_path, token_key=None), "tests", datetime.now(UTC))
    for token in ("nonsense", f"{head}.{claims}.{signature[::-1]}", f"{head}.{claims}.", strange):
        response = client.post("/predict", content=ONE, headers=bearer(token))
        (fault,) = refused(response, 401)
        assert response.headers["www-authenticate"] == "Bearer"
        assert fault["fault"] == "is not valid here"


def test_an_expired_token_is_refused(client: httpx.Client, expired: str) -> None:
    response = client.post("/predict", content=ONE, headers=bearer(expired))
    (fault,) = refused(response, 401)
    assert response.headers["www-authenticate"] == "Bearer"
    assert (fault["thing"], fault["fault"]) == ("token", "has expired")


def test_unknown_customers_are_named(ask: Ask) -> None:
    (fault,) = refused(ask([CUSTOMER, "C99999999"]), 404)
    assert (fault["thing"], fault["fault"]) == ("customer C99999999", "is not known")
    assert "check the number" in fault["cure"]
    (fault,) = refused(ask([f"X{i}" for i in range(9)] * 2), 404)
    assert fault["thing"] == "customer X0, X1, X2, X3, X4 and others"


def test_an_unknown_model_is_answered_with_the_nearest(ask: Ask) -> None:
    (fault,) = refused(ask([CUSTOMER], models=["churn", "renewl"]), 404)
    assert fault == {
        "thing": "model renewl",
        "fault": "is not known",
        "cure": "did you mean renewal?",
    }


def with_context(lead_days: str) -> bytes:
    return b'{"customer_ids": ["%s"], "context": {"lead_days": %s}}' % (
        CUSTOMER.encode(),
        lead_days.encode(),
    )


@pytest.mark.parametrize(
    ("content", "thing", "cure"),
    [
        (json.dumps({"customer_ids": ["C"] * 1001}).encode(), "customer_ids", "at most 1,000"),
        (b'{"customer_ids": []}', "customer_ids", "at least one"),
        (b'{"customer_ids": "C1"}', "customer_ids", "/docs"),
        (b'{"customer_ids": null}', "customer_ids", "/docs"),
        (b'{"customer_ids": [1]}', "customer_ids.0", "/docs"),
        (b'{"customer_ids": [NaN]}', "customer_ids.0", "/docs"),
        (b'{"customer_ids": [""]}', "customer_ids.0", "/docs"),
        (b'{"customer_ids": ["%s"]}' % (b"C" * 65), "customer_ids.0", "/docs"),
        (b'{"customer_ids": ["\\ud800"]}', "customer_ids.0", "UTF-8"),
        (b'{"customer_ids": ["C"], "model": "churn"}', "model", "leave this field out"),
        (b'{"customer_ids": ["C"], "context": {"a": 1}}', "context.a", "leave this field out"),
        (b'{"customer_ids": ["C"], "models": "churn"}', "models", "/docs"),
        (b'{"customer_ids": ["C"], "models": ["churn", ""]}', "models.1", "/docs"),
        (b'{"customer_ids": ["C"], "models": [%s"churn"]}' % (b'"churn", ' * 32), "models", "32"),
        (b'{"customer_ids": ["C"], "explain": "yes"}', "explain", "true or false"),
        (b'{"customer_ids": ["C"], "explain": 1}', "explain", "true or false"),
        (b'{"models": ["churn"]}', "customer_ids", "add this field"),
        (with_context("NaN"), "context.lead_days", "finite number"),
        (with_context("Infinity"), "context.lead_days", "finite number"),
        (with_context("-Infinity"), "context.lead_days", "finite number"),
        (with_context("1e999"), "context.lead_days", "finite number"),
        (with_context("-1"), "context.lead_days", "/docs"),
        (with_context("61"), "context.lead_days", "/docs"),
        (with_context("10.5"), "context.lead_days", "/docs"),
        (with_context('"soon"'), "context.lead_days", "/docs"),
        (with_context("1" * 5000), "body", "valid JSON"),
        (b"[]", "body", "/docs"),
        (b"null", "body", "/docs"),
        (b"", "body", "add this field"),
        (b"{", "body", "valid JSON"),
        (b"{'customer_ids': ['C']}", "body", "valid JSON"),
        (b"\xff\xfe", "body", "UTF-8"),
        (b"[" * 100_000, "body", "valid JSON"),
    ],
)
def test_what_is_not_as_declared_is_refused(
    ask: Ask, content: bytes, thing: str, cure: str
) -> None:
    (fault,) = refused(ask(content=content), 422)
    assert fault["thing"] == thing
    assert cure in fault["cure"]


def test_faults_are_told_together_but_not_without_end(ask: Ask) -> None:
    two = refused(ask(content=b'{"customer_ids": [], "explain": 7, "x": 1}'), 422)
    assert {fault["thing"] for fault in two} == {"customer_ids", "explain", "x"}
    assert len(refused(ask(content=b'{"customer_ids": [%s1]}' % (b"1," * 900)), 422)) == 10


def test_a_refusal_repeats_no_content(ask: Ask) -> None:
    secret = "13800000000"
    for body in ({"customer_ids": [{"phone": secret}]}, {"customer_ids": secret}):
        response = ask(content=json.dumps(body).encode())
        refused(response, 422)
        assert secret not in response.text
    long = refused(ask(content=b'{"customer_ids": ["C"], "%s": 1}' % (b"x" * 9000)), 422)
    assert len(long[0]["thing"]) <= 100


def test_names_that_utf_8_cannot_write_break_nothing(ask: Ask) -> None:
    (fault,) = refused(ask(content=b'{"customer_ids": ["C"], "models": ["\\ud800"]}'), 422)
    assert fault["thing"] == "models.0"


def test_a_body_too_large_is_refused(ask: Ask) -> None:
    assert ask(content=ONE + b" " * (LIMIT - len(ONE))).status_code == 200
    (fault,) = refused(ask(content=ONE + b" " * (LIMIT - len(ONE) + 1)), 413)
    assert (fault["thing"], fault["fault"]) == ("request", "is too large")


def chunks(size: int) -> Iterator[bytes]:
    """A body of `size` bytes that is nowhere said to be so large."""
    yield ONE[:9]
    yield ONE[9:]
    for start in range(len(ONE), size, 8192):
        yield b" " * min(8192, size - start)


def test_a_chunked_body_does_not_get_round_the_limit(ask: Ask) -> None:
    assert ask(content=chunks(LIMIT)).status_code == 200
    refused(ask(content=chunks(LIMIT + 1)), 413)
    refused(ask(content=chunks(40 * LIMIT)), 413)
    assert ask([CUSTOMER]).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_refused(client: httpx.Client, method: str) -> None:
    response = client.request(method, "/predict")
    (fault,) = refused(response, 405)
    assert response.headers["allow"] == "POST"
    assert fault == {
        "thing": method,
        "fault": "is not a method of /predict",
        "cure": "use POST",
    }


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/predict/x", "/assets/nothing.js", "/%00", "/é", "/v1/customers/%0A/consents"],
)
def test_an_unknown_address_is_refused(client: httpx.Client, path: str) -> None:
    (fault,) = refused(client.get(path), 404)
    assert fault["thing"].startswith("address /")
    assert fault["cure"] == "see /docs"


@pytest.mark.parametrize(
    "path",
    ["/metrics", "/schema.json", "/docs.json", "/static_content/index.html", "/redoc", "/assets/"],
)
def test_no_page_of_bentoml_is_open(client: httpx.Client, path: str) -> None:
    refused(client.get(path), 404)
    refused(client.post(path, content=b"{}"), 405 if path == "/assets/" else 404)


@pytest.mark.parametrize("path", ["/livez", "/healthz"])
def test_health_is_open(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.text.strip()) == (200, "")


def test_the_page_needs_no_other_machine(client: httpx.Client) -> None:
    assert client.get("/").headers["location"] == "/docs"
    page = client.get("/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert not re.search(r"(https?:)?//(?!127\.0\.0\.1|localhost)\w", page.text)
    named = re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text)
    assert [name for name in named if not name.startswith("data:")] == [
        "/assets/swagger-ui.css",
        "/assets/swagger-ui-bundle.js",
    ]
    for name, kind in zip(named[::2], ("text/css", "text/javascript"), strict=True):
        answer = client.get(name)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        assert len(answer.content) > 10_000


def test_no_file_beside_the_scripts_is_served(client: httpx.Client) -> None:
    # With http.client, because httpx would resolve the dots before it asks.
    for dots in ("..", "%2e%2e", "..%2f..", "%2e%2e/static_content/.."):
        asking = HTTPConnection(client.base_url.host, client.base_url.port or 80, timeout=30)
        with closing(asking):
            asking.request("GET", f"/assets/{dots}/base_app.py")
            answer = asking.getresponse()
            assert answer.status == 404
            assert list(json.loads(answer.read())) == ["faults"]


def test_the_document_says_what_is(client: httpx.Client) -> None:
    document: dict[str, Any] = client.get("/openapi.json").json()
    assert not re.search(r"https?://", json.dumps(document))
    consents = "/v1/customers/{customer_id}/consents"
    everywhere = {"401", "403", "408", "414", "422", "429", "431", "503", "504"}
    body = everywhere | {"413"}
    told = {
        "POST /v1/predict": ("predict", {"200": "PredictResponse"}, body | {"404"}),
        "POST /v1/decide": ("decide", {"200": "DecideResponse"}, body | {"404", "409"}),
        "POST /v1/decisions": (
            "decide", {"200": "DecisionsResponse", "207": "DecisionsResponse"}, body),
        "GET /v1/decisions/{decision_id}": (
            "decisions:read", {"200": "Explained"}, body | {"404"}),
        "POST /v1/decisions/{decision_id}/review": (
            "decisions:read", {"200": "ReviewAsked"}, body | {"404"}),
        "GET /v1/reviews": ("reviews:read", {"200": "ReviewsResponse"}, everywhere),
        "POST /v1/reviews/{review_id}/answer": (
            "reviews:answer", {"200": "ReviewAnswered"}, body | {"404", "409"}),
        "POST /v1/outcomes": (
            "outcomes", {"200": "OutcomesResponse", "207": "OutcomesResponse"}, body),
        f"GET {consents}": ("consents:read", {"200": "ConsentsTold"}, everywhere | {"404"}),
        f"POST {consents}": ("consents:write", {"200": "ConsentKept"}, body | {"404", "409"}),
        "POST /v1/events": (
            "events", {"200": "EventsResponse", "207": "EventsResponse"}, body | {"409"}),
        "GET /v1/due": ("decide", {"200": "DueResponse"}, everywhere),
        "GET /v1/triggers": ("decide", {"200": "TriggersResponse"}, everywhere | {"404"}),
        "GET /v1/touchpoints": (
            "touchpoints:read", {"200": "TouchpointsTold", "304": ""}, everywhere | {"404"}),
        **marketing_endpoints(everywhere),
        "GET /v1/metrics": ("metrics:read", {"200": ""}, everywhere),
        "GET /v1/tags": (
            "tags:read", {"200": "TagsTold", "304": ""}, everywhere),
        "DELETE /v1/customers/{customer_id}": (
            "customers:erase", {"200": "ErasureTold", "202": "ErasureTold"}, everywhere | {"404"}),
    }  # fmt: skip
    there = {
        f"{method.upper()} {path}": declared
        for path, methods in document["paths"].items()
        for method, declared in methods.items()
    }
    assert set(there) == set(told) == set(ENDPOINTS)
    for name, declared in there.items():
        scope, answers, refusals = told[name]
        (scheme,) = declared["security"]
        ((kind, needed),) = scheme.items()
        assert needed == [scope]
        about = document["components"]["securitySchemes"][kind]
        assert (about["type"], about["scheme"]) == ("http", "bearer")
        assert set(declared["responses"]) == {*answers, *refusals}
        for status, response in declared["responses"].items():
            if answers.get(status) == "":  # without a body of JSON
                continue
            schema = response["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert schema == answers.get(status, "Refusal")
    schemas = document["components"]["schemas"]
    for told in (schemas.values(), map(operator.itemgetter("operationId"), there.values())):
        names = [one if isinstance(one, str) else one["title"] for one in told]
        assert len(set(names)) == len(names)
    tags = {tag["name"] for tag in document["tags"]}
    for declared in there.values():
        assert {*declared["tags"]} <= tags
        assert re.search("[一-鿿].*[A-Za-z]", declared["summary"])
    assert "HTTPValidationError" not in schemas
    assert set(schemas["Fault"]["required"]) == {"thing", "fault", "cure"}
    ids = schemas["PredictRequest"]["properties"]["customer_ids"]
    assert (ids["minItems"], ids["maxItems"]) == (1, 1000)


def test_the_log_holds_no_token_and_no_traceback(service: Running, ask: Ask) -> None:
    assert ask([CUSTOMER]).status_code == 200
    log = service.log.read_text(encoding="utf-8", errors="replace")
    assert "POST /predict 200" in log
    assert "Traceback" not in log
    assert service.token not in log
