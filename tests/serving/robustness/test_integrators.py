"""Whoever writes a program against the API: the document's examples work, and so does a client that
openapi-python-client makes from it."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pyarrow.parquet import read_table

from serving.auth.access import ENDPOINTS

pytestmark = pytest.mark.slow
OF_WHAT_EXISTS = ("{decision_id}", "{review_id}", "{release_id}", " /v1/campaigns", "effect")
NAME = "client_made_by_openapi"
AT = datetime(2026, 7, 1, 3, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def document(sturdy: Any) -> dict[str, Any]:
    """The document as the service publishes it."""
    found: dict[str, Any] = sturdy.client.get("/openapi.json").json()
    return found


def example(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    """The example of a schema, of the whole or put together from its required fields."""
    if "$ref" in schema:
        return example(document, document["components"]["schemas"][schema["$ref"].split("/")[-1]])
    if "example" in schema:
        return schema["example"]
    if "examples" in schema:
        return schema["examples"][0]
    if schema["type"] == "boolean":
        return True
    return {
        name: example(document, schema["properties"][name]) for name in schema.get("required", ())
    }


@pytest.mark.parametrize(
    "endpoint",
    [one for one in ENDPOINTS if one[:6] != "DELETE" and not any(n in one for n in OF_WHAT_EXISTS)],
)
def test_every_example_works_against_the_demo(
    endpoint: str, document: dict[str, Any], sturdy: Any
) -> None:
    method, path = endpoint.split()
    operation = document["paths"][path][method.lower()]
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", example(document, parameter["schema"]))
    query = {
        parameter["name"]: example(document, parameter["schema"] | parameter)
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query" and parameter.get("required")
    }
    body = None
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]["application/json"]
        body = example(document, content["schema"])
        if "decision_point" in str(body):  # this home has a decision point of its own
            body = (
                {**body, "decision_point": "tests"}
                if "decision_point" in body
                else {"decisions": [one | {"decision_point": "tests"} for one in body["decisions"]]}
            )
    answer = sturdy.client.request(method, path, json=body, params=query)
    assert answer.status_code == 200, answer.text


def texts(document: Any, schema: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of a text in there, by its place."""
    if isinstance(schema, list):
        for one in schema:
            yield from texts(document, one, place)
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "string":
        yield place, schema
    if "$ref" in schema:
        name = str(schema["$ref"]).split("/")[-1]
        yield from texts(document, document["components"]["schemas"][name], name)
    for name, one in schema.items():
        if name != "if":  # a question about a field that is declared elsewhere
            yield from texts(document, one, f"{place}.{name}")


def test_every_text_of_a_request_says_which_characters_it_takes(document: dict[str, Any]) -> None:
    found = [
        text
        for path, operations in document["paths"].items()
        for operation in operations.values()
        for part in ("parameters", "requestBody")
        for text in texts(document, operation.get(part), path)
    ]
    assert len(found) > 20
    free = {place for place, one in found if not {"pattern", "enum", "const", "format"} & {*one}}
    assert not free, f"without a pattern, NUL is declared right and then refused: {free}"


@pytest.fixture(scope="module")
def made(sturdy: Any, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The client, generated without a warning."""
    folder: Path = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_bytes(sturdy.client.get("/openapi.json").content)
    (folder / "config.yaml").write_text("post_hooks: []\n")
    done = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none",
         "--fail-on-warning", "--path", "openapi.json", "--output-path", NAME,
         "--config", "config.yaml"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "arning" not in done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    return importlib.import_module(NAME)


def test_a_generated_client_drives_the_whole_loop(
    made: ModuleType, document: dict[str, Any], sturdy: Any
) -> None:
    models = importlib.import_module(f"{NAME}.models")
    client = made.AuthenticatedClient(sturdy.url, sturdy.token, raise_on_unexpected_status=True)
    tags = {
        operation["operationId"]: operation["tags"][0]
        for operations in document["paths"].values()
        for operation in operations.values()
    }
    used = set()

    def call(name: str, *ids: str, **more: Any) -> Any:
        used.add(name)
        answer = importlib.import_module(f"{NAME}.api.{tags[name]}.{name}").sync(
            *ids, client=client, **more
        )
        assert answer is not None
        assert not isinstance(answer, models.Refusal), answer
        return answer

    customers = sturdy.renewing[-40:-20]
    told = call("predict", body=models.PredictRequest(customers, ["renewal"], explain=True))
    assert [one.customer_id for one in told.predictions] == customers
    assert call("triggers", limit=5).triggers

    # Batches until somebody is to be contacted; then one alone.
    batch = [models.BatchedDecision(one, "tests", client_key=f"batch {one}") for one in customers]
    answers = call("decide_many", body=models.DecisionsRequest(batch)).decisions
    contacted = next(one.decision for one in answers if one.decision.action)
    again = call("decide_many", body=models.DecisionsRequest(batch)).decisions
    assert [one.to_dict() for one in again] == [one.to_dict() for one in answers]
    alone = models.DecideRequest(contacted.customer_id, "tests", client_key=batch[0].client_key)
    alone.client_key = f"batch {contacted.customer_id}"
    assert call("decide", body=alone).decision_id == contacted.decision_id

    outcomes = [
        models.OutcomeTold(
            f"{kind} {contacted.decision_id}",
            models.OutcomeToldKind(kind),
            contacted.decided_at,
            contact_id=contacted.action.contact_id,
        )
        for kind in ("sent", "delivered")
    ]
    reported = call("take_outcomes", body=models.OutcomesRequest(outcomes)).outcomes
    assert [one.status for one in reported] == ["accepted", "accepted"], reported

    number, customer = contacted.decision_id, contacted.customer_id
    call("ask_review", number, body=models.ReviewRequest("客户问：为何联系我？"))
    (review,) = call("reviews", customer_id=customer).reviews
    call("answer", review.review_id, body=models.AnswerRequest("已复核", upheld=True))
    explained = call("explain", number)
    assert explained.answer.decision_id == number
    assert explained.review.answer == "已复核"

    consent = models.ConsentTold(
        f"consent {customer}", models.ConsentToldPurpose("marketing"), False, contacted.decided_at
    )
    call("change_consent", customer, body=consent)
    assert call("consents", customer).marketing is False
    complaint = models.ComplaintReceived(
        f"complaint {customer}", "complaint_received", customer, contacted.decided_at,
        case_id=f"K {customer}", topic=models.ComplaintReceivedTopic("claims"),
    )  # fmt: skip
    (taken,) = call("take_events", body=models.EventsRequest([complaint])).events
    assert taken.status == "accepted"
    call("due")
    assert call("touchpoints").touchpoints
    assert call("tags").tags
    used.add("metrics")  # plain text, which no model stands for
    page = importlib.import_module(f"{NAME}.api.monitoring.metrics").sync_detailed(client=client)
    assert b"guanjia_tags_age_days" in page.content
    # Whom no other test asks about.
    scored = read_table(
        next((sturdy.lake.home / "scores").glob("*.parquet")), columns=["customer_id"]
    )
    leaver = max({*scored["customer_id"].to_pylist()} - {*sturdy.renewing})
    assert call("erase_customer", leaver).finished is False
    # Lists, campaigns and reports have loops of their own, in their own tests; here a look at each.
    assert call("all_lists").lists and not call("campaigns").campaigns  # noqa: PT018
    own_loops = {name for name, tag in tags.items() if tag in ("lists", "campaigns", "reports")}
    assert used | own_loops == tags.keys()
    client.get_httpx_client().close()
