"""The image, its packages and the compose file, as far as a machine without containers can tell."""

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
INSTRUCTIONS = [line for line in DOCKERFILE.splitlines() if line and not line.startswith("#")]


def arguments(instruction: str) -> list[str]:
    """What an instruction of the Dockerfile says, each time that it stands there."""
    return [
        line.removeprefix(f"{instruction} ")
        for line in INSTRUCTIONS
        if line.startswith(f"{instruction} ")
    ]


def pins(path: Path) -> dict[str, str]:
    """Packages of a lock with their versions and hashes."""
    entries = re.split(r"\n(?=[A-Za-z0-9])", path.read_text(encoding="utf-8"))
    return {
        entry.split("==")[0].split("[")[0]: "".join(
            line for line in entry.splitlines() if not line.strip().startswith("#")
        )
        for entry in entries
        if "==" in entry and not entry.startswith("#")
    }


def compose() -> Any:
    """The compose file."""
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))


def test_all_that_the_image_copies_is_there_and_is_sent_to_the_builder() -> None:
    sent = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    copied = []
    for line in arguments("COPY"):
        *sources, _ = [word for word in line.split() if not word.startswith("--chmod")]
        if not line.startswith("--from"):
            copied += sources
    assert {"features", "training", "serving", "guanjia", "pyproject.toml"} <= set(copied)
    for source in copied:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in sent


def test_the_image_holds_the_packages_of_the_wheel() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    copied = {line.split()[0] for line in arguments("COPY")}
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= copied


def test_the_image_installs_as_make_install_does() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    ours = [line for line in arguments("RUN") if "pip install" in line]
    theirs = [line.strip() for line in makefile.splitlines() if "-m pip install" in line]
    assert len(ours) == len(theirs) == 2
    for mine, made in zip(ours, theirs, strict=True):
        flags = {word for word in made.split() if word.startswith("--")}
        assert flags - {"--no-compile", "--editable"} <= set(mine.split())
    assert "--require-hashes -r deploy/requirements.lock" in ours[0]


def test_the_images_packages_are_those_of_the_lock_without_what_tests_need() -> None:
    image, all_of_them = pins(DEPLOY / "requirements.lock"), pins(ROOT / "requirements.lock")
    assert len(image) > 100
    assert {name: entry for name, entry in all_of_them.items() if name in image} == image
    for needed in ("bentoml", "duckdb", "lightgbm", "redis", "psycopg2-binary", "hatchling"):
        assert needed in image
    for unneeded in ("pytest", "ruff", "dagster", "pyspark", "kubernetes-validate"):
        assert unneeded in all_of_them
        assert unneeded not in image


def test_the_image_runs_as_a_user_of_its_own() -> None:
    assert arguments("USER") == ["10001:10001"]
    assert INSTRUCTIONS.index("USER 10001:10001") > INSTRUCTIONS.index(
        "COPY --from=build /opt/guanjia /opt/guanjia"
    )


def test_compose_gives_servers_the_settings_that_the_tests_run_on() -> None:
    services = compose()["services"]
    for name, file in (("redis", "redis.conf"), ("postgres", "postgres.conf")):
        (mount,) = (each for each in services[name]["volumes"] if each.startswith("./"))
        source, target, mode = mount.split(":")
        assert (DEPLOY / source).resolve() == DEPLOY / file
        assert any(target in word for word in services[name]["command"])
        assert mode == "ro"


def test_compose_runs_one_image_as_service_and_as_day() -> None:
    services = compose()["services"]
    service, day = services["service"], services["day"]
    for name in ("image", "build", "environment", "volumes"):
        assert service[name] == day[name]
    assert day["entrypoint"] == ["guanjia-day"]
    assert service["ports"] == ["127.0.0.1:3000:3000"]
    build = service["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "Dockerfile"


def test_compose_keeps_no_password() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    for name in ("REDIS_PASSWORD", "POSTGRES_PASSWORD"):
        assert f"${{{name}" in text
    assert not re.search(r"PASSWORD: (?!\$)\S", text)


def test_redis_runs_on_the_shipped_settings(redis_server: str) -> None:
    import redis

    with redis.Redis.from_url(redis_server, decode_responses=True) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.info("server")["config_file"] == str(DEPLOY / "redis.conf")


def test_postgres_runs_on_the_shipped_settings(postgres: str) -> None:
    import psycopg2

    connection = psycopg2.connect(postgres)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT lower(name), setting FROM pg_settings"
                " WHERE sourcefile LIKE '%/shipped.conf'"
            )
            applied = dict(cursor.fetchall())
    finally:
        connection.close()
    assert applied["idle_in_transaction_session_timeout"] == "60000"
    assert applied["synchronous_commit"] == "on"
    declared = re.findall(r"^(\w+) =", (DEPLOY / "postgres.conf").read_text(), re.MULTILINE)
    # Where the tests' servers listen is said on their command line.
    assert set(declared) - {"listen_addresses"} == set(applied)


def test_servers_are_reached_from_inside_alone_and_redis_has_a_password() -> None:
    services = compose()["services"]
    assert "--requirepass" in services["redis"]["command"]
    assert "ports" not in services["redis"]
    assert "ports" not in services["postgres"]
