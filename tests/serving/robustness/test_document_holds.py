"""Whatever is sent to the running service, its answer is one that its own document declares.

Schemathesis makes requests from the document, right and wrong ones, and holds every answer against
it: status, headers, content type, schema, what must be refused and what must not.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pyarrow.parquet as pq
import pytest
import requests
import schemathesis
from campaign_plans import plan_fields
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.parameters import ParameterLocation

from features.snapshots.snapshots import snapshot_dates
from serving.auth.access import ENDPOINTS, SCOPES
from serving.auth.tokens import make_token
from serving.measurement.service_figures import ServiceReport
from serving.measurement.service_file import publish_service
from serving.touchpoints.triggers import find_due

pytestmark = pytest.mark.slow
EXAMPLES = 24
FEW = 10
"""Of endpoints that compute for a second: lists, reports, campaigns."""
WITHOUT_PERMISSION = 5


def like_this(examples: int) -> Any:
    """The same requests every time, as many as can be waited for."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )


# Of all instants the document allows those of 250 years, which few at random would be.
ZONES = st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours)))
YEARS = [datetime.fromisoformat(day) for day in ("1950-01-01", "2199-12-31")]
INSTANTS = st.datetimes(*YEARS, timezones=ZONES)
schemathesis.openapi.format("date-time", INSTANTS.map(datetime.isoformat))
# Each of several events is judged by itself, against what is known of its customer: no schema says
# what becomes of the request.
JUDGED = ("POST /v1/events", "POST /v1/decide", "POST /v1/campaigns")
# Conditions, definitions and days are read by what the home has: a text may be no condition.
JUDGED += tuple(
    name for name in ENDPOINTS if name.split()[1].startswith(("/v1/lists", "/v1/conditions",
                                                              "/v1/reports"))
)  # fmt: skip
SLOW = ("/v1/lists", "/v1/conditions", "/v1/reports", "/v1/campaigns")
LIST = {
    "name": "autumn",
    "label": "秋季名单",
    "model": "renewal",
    "where": "星级 ≥ 1",
    "channel": "sms",
}
CAMPAIGN = plan_fields()


@pytest.fixture(scope="module")
def sturdy(asked_at_noon: Callable[..., AbstractContextManager[Any]]) -> Iterator[Any]:
    """A service of this file's own: requests at random leave their traces."""
    settings = {"RATE_PER_SECOND": "100000", "RATE_BURST": "100000"}
    with asked_at_noon(**{f"GUANJIA_{name}": value for name, value in settings.items()}) as found:
        find_due(found.lake, max(snapshot_dates(found.lake)))
        yield found


@pytest.fixture(scope="module")
def document(sturdy: Any) -> Any:
    """The document as the service publishes it."""
    return schemathesis.openapi.from_url(f"{sturdy.url}/openapi.json")


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """Connections are kept."""
    with requests.Session() as found:
        yield found


@pytest.fixture(scope="module")
def known(sturdy: Any) -> dict[str, Any]:
    """What exists, by the name of the field that asks for it."""
    answers = [sturdy.decide(customer).body for customer in sturdy.renewing[:40]]
    contacted = next(answer for answer in answers if answer["action"])
    review = sturdy.post(f"/v1/decisions/{contacted['decision_id']}/review", {"reason": "?"}).body
    members = [[{"customer_id": one} for one in sturdy.renewing[n : n + 20]] for n in (0, 20)]
    publish_service(sturdy.lake, ServiceReport(date(2026, 6, 30), 0.1, None, 0, []))
    assert sturdy.post("/v1/lists", {"definition": LIST}).status == 200
    release = sturdy.post("/v1/lists/autumn/releases", {})
    assert release.status == 200, release.body
    planned = sturdy.post("/v1/campaigns", {"plan": CAMPAIGN, "members": members[0]})
    assert planned.status == 200, planned.body
    return {
        "/campaigns/": {"name": "july"},
        # An event may have merged the first customer into another.
        "/campaigns": {"customer_id": sturdy.renewing[39]},
        "/lists": {
            "name": "autumn",
            "release_id": release.body["release_id"],
            "content_hash": release.body["content_hash"],
            "definition": LIST,
            "rule": "sent",
            "version": 1,
            "before": 1,
            "after": 1,
            "where": "star >= 2",
            "as_of": None,
            "customer_id": sturdy.renewing[38],
        },
        "/conditions": {"conditions": ["星级 ≥ 3"]},
        "/overlap": {"conditions": {"gold": "星级 ≥ 3", "all": "星级 ≥ 1"}, "as_of": None},
        "plan": CAMPAIGN | {"campaign": "august"},
        "members": members[1],
        "customer_id": sturdy.renewing[0],
        "customer_ids": sturdy.renewing[:3],
        "decision_id": contacted["decision_id"],
        "contact_id": contacted["action"]["contact_id"],
        "review_id": review["review_id"],
        "decision_point": "tests",
    }


@pytest.fixture(scope="module")
def leaver(sturdy: Any) -> str:
    """A customer whom no other test asks about: they may be erased."""
    ids = pq.read_table(
        next(sturdy.lake.tags("loyalty").glob("as_of=*.parquet")),
        columns=["customer_id"],
        partitioning=None,
    )["customer_id"].to_pylist()
    return str(min(set(ids) - set(sturdy.renewing)))


def test_the_document_names_every_endpoint_and_no_other(document: Any) -> None:
    named = {one.ok().label for one in document.get_all_operations()}
    assert named == set(ENDPOINTS)


def but(*names: str) -> list[Any]:
    """Checks that do not hold here."""
    return [schemathesis.checks.CHECKS.get_one(name) for name in names]


class Sent:
    """The requests that were sent: to send one again would ask the same and take as long."""

    def __init__(self) -> None:
        self._requests: set[str] = set()

    def before(self, case: Any, token: str | None) -> bool:
        """Whether the same request was sent before; it counts as sent from now on."""
        parts = (case.path_parameters, case.query, case.headers, case.cookies, case.body)
        request = repr((parts, case.media_type, token))
        known = request in self._requests
        self._requests.add(request)
        return known


def acquainted(value: Any, known: dict[str, Any]) -> Any:
    """The same request about customers, decisions and contacts that exist."""
    if isinstance(value, dict):
        return {
            name: known[name] if name in known and one is not None else acquainted(one, known)
            for name, one in value.items()
        }
    return [acquainted(one, known) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: str(mode.value))
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_answer_is_declared(
    endpoint: str,
    mode: GenerationMode,
    document: Any,
    session: requests.Session,
    sturdy: Any,
    known: dict[str, Any],
    leaver: str,
) -> None:
    method, path = endpoint.split()
    for part in [part for part in known if part.startswith("/") and part in path]:
        known = known | known[part]
    if method == "DELETE":
        known = known | {"customer_id": leaver}
    headers = {"Authorization": f"Bearer {sturdy.token}"}
    statuses: set[int] = set()
    sent = Sent()
    judged = endpoint in JUDGED
    left_out = but("positive_data_acceptance", "negative_data_rejection") if judged else []

    @like_this(FEW if path.startswith(SLOW) else EXAMPLES)
    @given(case=document[path][method].as_strategy(generation_mode=mode), about=st.booleans())
    def holds(case: Any, about: bool) -> None:
        if about and mode == GenerationMode.POSITIVE:
            case.path_parameters = acquainted(case.path_parameters, known)
            case.body = acquainted(case.body, known)
            case.query = acquainted(case.query, known)
            if endpoint == "POST /v1/campaigns":
                # A plan draws from members or from a release; of one at random few have one alone.
                case.body |= {"members": known["members"], "release": None}
        # A wrong token is wrong enough: the right one in its place would make the request right.
        given = {} if case.meta.is_negative_at(ParameterLocation.HEADER) else headers
        if sent.before(case, given.get("Authorization")):
            return
        response = case.call_and_validate(session=session, headers=given, excluded_checks=left_out)
        statuses.add(response.status_code)

    holds()
    if mode == GenerationMode.POSITIVE:
        # No release waits for a second person here.
        answers = {409} if endpoint.endswith("/approval") else {200, 202, 207}
        assert statuses & answers, f"no request was answered: {statuses}"
    else:
        assert statuses & {401, 422}, f"nothing was refused: {statuses}"


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_without_permission_every_answer_is_a_declared_refusal(
    endpoint: str, document: Any, session: requests.Session, sturdy: Any
) -> None:
    method, path = endpoint.split()
    others = [scope for scope in SCOPES if scope != ENDPOINTS[endpoint]]
    token = make_token(sturdy.lake.settings, "others", datetime.now(UTC), scopes=others)
    strategy = document[path][method].as_strategy()
    sent = Sent()

    @like_this(WITHOUT_PERMISSION)
    @given(case=strategy, allowed=st.sampled_from([None, "nonsense", token]))
    def refused(case: Any, allowed: str | None) -> None:
        headers = {"Authorization": f"Bearer {allowed}"} if allowed else {}
        if sent.before(case, allowed):
            return
        # What is right is refused all the same, for who asks.
        response = case.call_and_validate(
            session=session, headers=headers, excluded_checks=but("positive_data_acceptance")
        )
        # No address has a line break in it, whoever asks.
        no_address = "%0A" in str(case.path_parameters)
        refusal = 404 if no_address else 403 if allowed == token else 401
        assert response.status_code == refusal

    refused()
