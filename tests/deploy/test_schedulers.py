"""Cron, systemd, Kubernetes and Dagster call one command, and try again one kind of fault."""

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import kubernetes_validate
import pytest
import yaml

from guanjia.cli import GROUPS
from guanjia.jobs.daily.severity import EXIT_CODES

DEPLOY = Path(__file__).parents[2] / "deploy"
AGAIN, NEVER = 3, (1, 2, 70)
"""Exit codes of `guanjia daily`: away; a broken bound, a fault to mend, a fault of ours."""
Made = Callable[..., Path]


@pytest.fixture
def answering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Put a `guanjia` on the path that keeps its words and ends with these codes, in turn."""

    def make(*codes: int) -> Path:
        words = tmp_path / "words"
        folder = tmp_path / "bin"
        folder.mkdir()
        command = folder / "guanjia"
        command.write_text(
            f'#!/bin/sh\necho "$*" >> {words}\nset -- {" ".join(map(str, codes))}\n'
            f"shift $(($(wc -l < {words}) - 1))\necho '{{\"customers\": 3}}'\nexit $1\n"
        )
        command.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return words

    return make


def run_day(*words: str, **settings: str) -> int:
    """Run `guanjia-day` as a scheduler does."""
    environment = {**os.environ, "GUANJIA_DAY_WAIT_SECONDS": "0", **settings}
    done = subprocess.run(
        [DEPLOY / "guanjia-day", *words], env=environment, check=False, timeout=60
    )
    return done.returncode


def test_the_day_is_yesterday_in_the_insurers_time_zone(answering: Made) -> None:
    zone = "Pacific/Kiritimati"  # 14 hours ahead: another day than here for most of the day
    words = answering(0, 0, 0)
    before = datetime.now(ZoneInfo(zone)).date()
    assert run_day(GUANJIA_TIMEZONE=zone) == 0
    after = datetime.now(ZoneInfo(zone)).date()
    days = {f"daily --as-of {day - timedelta(1)}" for day in (before, after)}
    assert words.read_text().splitlines()[0] in days
    assert run_day("2026-06-30") == 0
    assert words.read_text().splitlines()[1] == "daily --as-of 2026-06-30"


def test_only_a_day_that_could_not_run_is_tried_again(answering: Made) -> None:
    words = answering(AGAIN, AGAIN, 1)
    assert run_day("2026-06-30", GUANJIA_DAY_RETRIES="6") == 1
    assert words.read_text().splitlines() == ["daily --as-of 2026-06-30"] * 3


def test_a_day_is_not_tried_again_where_the_scheduler_does_it(answering: Made) -> None:
    words = answering(AGAIN, 0)
    assert run_day("2026-06-30") == AGAIN
    assert len(words.read_text().splitlines()) == 1


def test_cron_runs_the_day_as_its_user_and_tries_again() -> None:
    lines = (DEPLOY / "cron" / "guanjia").read_text().splitlines()
    (job,) = (line for line in lines if (line and line[0].isdigit()) or line.startswith("*"))
    assert job.split() == ["30", "2", "*", "*", "*", "guanjia", "/opt/guanjia/bin/guanjia-day"]
    assert "GUANJIA_DAY_RETRIES=6" in lines


@pytest.mark.parametrize("name", ["guanjia-day.service", "guanjia-day.timer", "guanjia.service"])
def test_systemd_accepts_the_units(name: str, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        why = "no systemd-analyze (apt-get install systemd)"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    # What they start is not installed on this machine: a program stands in for it.
    for unit in (DEPLOY / "systemd").glob("guanjia*.*er*"):
        text = unit.read_text()
        for program in ("/opt/guanjia/bin/guanjia-day", "/opt/guanjia/bin/guanjia"):
            text = text.replace(f"ExecStart={program}", "ExecStart=/bin/true")
        (tmp_path / unit.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / name],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_tries_again_what_is_away_and_confines_what_runs() -> None:
    day = (DEPLOY / "systemd" / "guanjia-day.service").read_text().splitlines()
    assert "ExecStart=/opt/guanjia/bin/guanjia-day" in day
    assert "Restart=on-failure" in day
    assert f"RestartPreventExitStatus={' '.join(map(str, NEVER))}" in day
    for name in ("guanjia-day.service", "guanjia.service"):
        lines = (DEPLOY / "systemd" / name).read_text().splitlines()
        assert {"User=guanjia", "NoNewPrivileges=yes", "ProtectSystem=strict"} <= set(lines)


def manifests() -> dict[str, dict[str, Any]]:
    """The Kubernetes objects by kind."""
    files = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    return {each["kind"]: each for file in files for each in yaml.safe_load_all(file.read_text())}


@pytest.mark.parametrize(
    "kind", ["ConfigMap", "CronJob", "Deployment", "PersistentVolumeClaim", "Service"]
)
def test_kubernetes_accepts_the_manifests(kind: str) -> None:
    manifest = manifests()[kind]
    kubernetes_validate.validate(manifest, "1.31", strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**manifest, "specification": {}}, "1.31", strict=True)


def test_kubernetes_tries_again_what_is_away_and_never_runs_two_days_at_once() -> None:
    spec = manifests()["CronJob"]["spec"]
    job = spec["jobTemplate"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    assert container["command"] == ["guanjia-day"]
    assert (spec["concurrencyPolicy"], spec["timeZone"]) == ("Forbid", "Asia/Shanghai")
    rule = job["podFailurePolicy"]["rules"][0]
    assert (rule["action"], rule["onExitCodes"]["values"]) == ("FailJob", list(NEVER))
    assert rule["onExitCodes"]["containerName"] == container["name"]
    assert job["template"]["spec"]["restartPolicy"] == "Never"  # the policy asks for it


def test_the_service_and_the_day_share_home_user_and_settings() -> None:
    objects = manifests()
    pods = [
        objects["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"],
        objects["Deployment"]["spec"]["template"]["spec"],
    ]
    for name in ("volumes", "securityContext"):
        assert pods[0][name] == pods[1][name]
    for name in ("image", "envFrom", "volumeMounts", "securityContext"):
        assert pods[0]["containers"][0][name] == pods[1]["containers"][0][name]
    claim = objects["PersistentVolumeClaim"]["metadata"]["name"]
    assert pods[0]["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim
    labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert objects["Service"]["spec"]["selector"] == labels


@pytest.fixture
def day_definitions() -> Any:
    """The module of the Dagster definition, loaded as Dagster loads it."""
    import importlib.util

    path = DEPLOY / "dagster" / "guanjia_day.py"
    spec = importlib.util.spec_from_file_location("guanjia_day_definition", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def materialise(module: Any, day: str) -> Any:
    """Run a partition of the asset in this process."""
    import dagster as dg  # two seconds, which workers that run none of this would wait too

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [module.guanjia_day], partition_key=day, instance=instance, raise_on_error=False
        )
        return result, result.all_events


def test_the_service_goes_first_where_both_want_the_processors() -> None:
    assert "CPUWeight=20" in (DEPLOY / "systemd" / "guanjia-day.service").read_text().splitlines()
    assert "CPUWeight" not in (DEPLOY / "systemd" / "guanjia.service").read_text()
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert services["day"]["cpu_shares"] / services["service"].get("cpu_shares", 1024) < 0.25
    objects = manifests()
    asked = [
        pod["containers"][0]["resources"]["requests"]["cpu"]
        for pod in (
            objects["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"],
            objects["Deployment"]["spec"]["template"]["spec"],
        )
    ]
    assert asked == ["200m", "1"]


def test_the_service_stays_within_the_memory_of_its_container() -> None:
    """What DuckDB may use, and what the process holds besides, 0.7 GiB at a million customers."""
    (container,) = manifests()["Deployment"]["spec"]["template"]["spec"]["containers"]
    (limit,) = (one["value"] for one in container["env"] if one["name"] == "GUANJIA_MEMORY_LIMIT")
    allowed = float(container["resources"]["limits"]["memory"].removesuffix("Gi")) * 2**30
    assert float(limit.removesuffix("GB")) * 1e9 + 2**30 < allowed


def test_dagster_runs_the_day_of_a_partition(answering: Made, day_definitions: Any) -> None:
    words = answering(0)
    result, _ = materialise(day_definitions, "2026-06-30")
    assert result.success
    assert words.read_text().splitlines() == ["daily --as-of 2026-06-30 --json"]
    (made,) = result.asset_materializations_for_node("guanjia_day")
    assert made.metadata["result"].value == {"customers": 3}


@pytest.mark.parametrize(("code", "tries"), [(1, 1), (2, 1), (70, 1), (AGAIN, 2)])
def test_dagster_tries_again_only_what_is_away(
    code: int, tries: int, answering: Made, day_definitions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(day_definitions, "TRIES", 1)
    monkeypatch.setattr(day_definitions, "WAIT_SECONDS", 0)
    words = answering(code, code)
    result, _ = materialise(day_definitions, "2026-06-30")
    assert not result.success
    assert len(words.read_text().splitlines()) == tries


def test_dagster_loads_the_job_and_its_schedule(day_definitions: Any) -> None:
    schedule = day_definitions.defs.resolve_schedule_def("guanjia_day_job_schedule")
    assert schedule.cron_schedule == "30 2 * * *"
    assert schedule.execution_timezone == "Asia/Shanghai"


def test_what_schedulers_start_is_there_and_ends_as_they_expect() -> None:
    assert {"daily", "serve"} <= {name for commands in GROUPS.values() for name in commands}
    assert EXIT_CODES["environment"] == AGAIN
    assert {*EXIT_CODES.values()} - {0, AGAIN} == set(NEVER)
    assert (DEPLOY / "guanjia-day").stat().st_mode & stat.S_IXUSR
