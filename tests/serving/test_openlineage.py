"""OpenLineage events: as the specification's own client writes them, sent to a real address."""

import json
import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from openlineage.client.event_v2 import (
    InputDataset,
    Job,
    JobEvent,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
)
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    nominal_time_run,
    schema_dataset,
    set_producer,
)
from openlineage.client.serde import Serde

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from features.sources.simulation.simulate import simulate
from features.tags.catalogue import catalogue
from guanjia.jobs.lineage_events import lineage_events
from serving.lineage.openlineage import JOBS, flow_of, job_event, run_event
from serving.lineage.sending import send

Guanjia = Callable[..., CompletedProcess[str]]
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
RUN = "6f0f3b0e-7c8b-4d7e-9d0b-0a6d1b1f2c3d"


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that takes events: its address, and what it was sent."""
    taken: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path != "/api/v1/lineage":
                self.send_error(404)
                return
            taken.append(json.loads(body))
            self.send_response(201)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/api/v1/lineage", taken
        server.shutdown()
        thread.join(10)


def as_the_client_writes(document: dict[str, Any]) -> dict[str, Any]:
    """The same event, made with the classes that are generated from the specification."""
    set_producer(document["producer"])
    outputs = []
    for output in document["outputs"]:
        facets: dict[str, Any] = {}
        if "columnLineage" in output.get("facets", {}):
            fields = {
                name: column_lineage_dataset.Fields(
                    [column_lineage_dataset.InputField(**read) for read in field["inputFields"]]
                )
                for name, field in output["facets"]["columnLineage"]["fields"].items()
            }
            facets["columnLineage"] = column_lineage_dataset.ColumnLineageDatasetFacet(fields)
        if "schema" in output.get("facets", {}):
            described = [
                schema_dataset.SchemaDatasetFacetFields(**field)
                for field in output["facets"]["schema"]["fields"]
            ]
            facets["schema"] = schema_dataset.SchemaDatasetFacet(described)
        outputs.append(OutputDataset(output["namespace"], output["name"], facets=facets))
    common: dict[str, Any] = {
        "eventTime": document["eventTime"],
        "producer": document["producer"],
        "job": Job(document["job"]["namespace"], document["job"]["name"]),
        "inputs": [InputDataset(read["namespace"], read["name"]) for read in document["inputs"]],
        "outputs": outputs,
    }
    if "run" not in document:
        return plain(Serde.to_dict(JobEvent(**common)))
    facets = {}
    if "nominalTime" in document["run"]["facets"]:
        start = document["run"]["facets"]["nominalTime"]["nominalStartTime"]
        facets["nominalTime"] = nominal_time_run.NominalTimeRunFacet(start)
    run = Run(document["run"]["runId"], facets=facets)
    return plain(
        Serde.to_dict(RunEvent(eventType=RunState[document["eventType"]], run=run, **common))
    )


def plain(value: Any) -> Any:
    """Without what is empty: the client writes empty facets, we do not."""
    if isinstance(value, dict):
        cleaned = {name: plain(entry) for name, entry in value.items()}
        return {name: entry for name, entry in cleaned.items() if entry not in ({}, [], None)}
    return [plain(entry) for entry in value] if isinstance(value, list) else value


@pytest.mark.parametrize("job", JOBS)
def test_events_are_those_that_the_clients_classes_write(job: str, home: Path) -> None:
    flow = flow_of(Lake(Settings(home=home)), job)
    for document in (
        job_event(NOON, job, flow),
        run_event("START", NOON, RUN, job, flow),
        run_event("COMPLETE", NOON, RUN, job, flow, nominal=NOON),
    ):
        assert plain(document) == as_the_client_writes(document)


def test_columns_that_are_tags_are_described_in_both_languages(home: Path) -> None:
    event = job_event(NOON, "tags", flow_of(Lake(Settings(home=home)), "tags"))
    described = [
        field for output in event["outputs"] for field in output["facets"]["schema"]["fields"]
    ]
    assert [field["name"] for field in described] == list(catalogue())
    (claims,) = (field for field in described if field["name"] == "claim_count_30d")
    assert claims["description"] == (
        "近30天出险次数：近30天内发生的出险次数。 Number of claims that occurred within 30 days."
    )


def test_columns_are_traced_from_raw_files_to_scores(home: Path) -> None:
    lake = Lake(Settings(home=home))
    check, tags, score = (
        {Path(output["name"]): output["facets"]["columnLineage"]["fields"]
         for output in job_event(NOON, job, flow_of(lake, job))["outputs"]}
        for job in ("check", "tags", "score")
    )  # fmt: skip
    read = check[lake.checked("customers")]["gender"]["inputFields"]
    assert read == [{"namespace": "file", "name": str(lake.raw("customers")), "field": "gender"}]
    tag = tags[lake.tags("underwriting")]["gender"]["inputFields"]
    customers = {"namespace": "file", "name": str(lake.checked("customers"))}
    assert tag == [
        {**customers, "field": field} for field in ("customer_id", "gender", "recorded_at")
    ]
    renewal = score[lake.home / "scores"]["renewal"]["inputFields"]
    assert {"age_years", "star_level"} <= {field["field"] for field in renewal} | {"star_level"}
    assert {Path(field["name"]) for field in renewal} <= tags.keys()


def test_a_check_tells_an_address_that_it_began_and_ended(
    guanjia: Guanjia,
    home: Path,
    receiver: tuple[str, list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulate(Lake(Settings(home=home, threads=1)), 20, seed=1)
    assert guanjia("check").returncode == 0
    address, taken = receiver
    assert taken == []
    monkeypatch.setenv("GUANJIA_OPENLINEAGE", address)
    assert guanjia("check").returncode == 0
    assert [event["eventType"] for event in taken] == ["START", "COMPLETE"]
    assert len({event["run"]["runId"] for event in taken}) == 1
    assert uuid.UUID(taken[0]["run"]["runId"])
    assert taken[1]["job"] == {"namespace": "guanjia", "name": "check"}
    assert "columnLineage" in taken[1]["outputs"][0]["facets"]


def test_a_job_that_fails_says_so_and_its_date(
    home: Path, receiver: tuple[str, list[dict[str, Any]]]
) -> None:
    address, taken = receiver
    lake = Lake(Settings(home=home, openlineage=address))
    with pytest.raises(KeyError), lineage_events(lake, "score", date(2026, 6, 30)):
        raise KeyError("C1000001")
    assert [event["eventType"] for event in taken] == ["START", "FAIL"]
    nominal = taken[0]["run"]["facets"]["nominalTime"]["nominalStartTime"]
    assert datetime.fromisoformat(nominal) == datetime(2026, 6, 30, 16, tzinfo=UTC)
    assert "C1000001" not in json.dumps(taken)


def test_a_job_goes_on_where_nobody_takes_its_events(
    home: Path, receiver: tuple[str, list[dict[str, Any]]], caplog: pytest.LogCaptureFixture
) -> None:
    wrong = receiver[0].removesuffix("lineage")
    lake = Lake(Settings(home=home, openlineage=wrong))
    with caplog.at_level(logging.WARNING), lineage_events(lake, "check"):
        done = True
    assert done
    assert "answers 404" in caplog.text
    assert "the job goes on" in caplog.text


def test_events_are_appended_to_a_file_one_a_line(tmp_path: Path) -> None:
    file = tmp_path / "new" / "events.jsonl"
    assert send(str(file), [{"a": "客户"}, {"b": 2}]) == 2
    assert send(str(file), [{"c": 3}]) == 1
    lines = file.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"a": "客户"}, {"b": 2}, {"c": 3}]
    with pytest.raises(GuanjiaError, match="cannot be written"):
        send(str(tmp_path), [{}])


def test_the_declared_lineage_of_all_jobs_can_be_sent(
    guanjia: Guanjia, home: Path, receiver: tuple[str, list[dict[str, Any]]]
) -> None:
    address, taken = receiver
    done = guanjia("lineage", "gender", "--openlineage", address, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["events_sent"] == len(JOBS)
    assert [event["job"]["name"] for event in taken] == list(JOBS)
    refused = guanjia("lineage", "--openlineage", "http://127.0.0.1:9/api")
    assert refused.returncode == 2
    assert "cannot be reached" in refused.stderr
