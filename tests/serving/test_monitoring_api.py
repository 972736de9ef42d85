"""How old the tags are: in `/readyz`, as a metric, and in a prediction."""

from collections.abc import Callable
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow
Ask = Callable[..., httpx.Response]


def test_ready_and_a_metric_say_how_old_the_tags_are(
    client: httpx.Client, service: Any, ask: Ask
) -> None:
    """A simulated home serves with a clock of its own: on the day after its latest tags."""
    ready = client.get("/readyz")
    assert (ready.status_code, ready.headers["content-type"]) == (200, "application/json")
    assert ready.json() == {"tags": {"as_of": service.as_of, "age_days": 1}}
    headers = {"Authorization": f"Bearer {service.token}"}
    metrics = client.get("/v1/metrics", headers=headers)
    assert metrics.headers["content-type"] == "text/plain; charset=utf-8"
    assert "guanjia_tags_age_days 1" in metrics.text.splitlines()
    assert client.get("/v1/metrics").status_code == 401
    path = service.home / "scores" / f"as_of={service.as_of}.parquet"
    customer = pq.read_table(path, columns=["customer_id"], partitioning=None)[0][0].as_py()
    (predicted,) = ask([customer]).json()["predictions"]
    assert (predicted["tags"]["as_of"], predicted["tags"]["age_days"]) == (service.as_of, 1)
