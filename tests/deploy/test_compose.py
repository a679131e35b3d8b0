"""The container files: valid, and as closed as they claim to be."""

import json
import re
import shutil
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.settings import BotSettings
from jobs.settings import (
    DiscordSettings,
    LogSettings,
    QueueSettings,
    RedisSettings,
    environment_keys,
)
from worker.handing_back import SLOT_SECONDS
from worker.settings import WorkerSettings

ROOT = Path(__file__).parents[2]
FILES = ["docker-compose.yml", "deploy/compose.playground.yml"]
OURS = ["bot", "worker"]
SECRETS = {"DISCORD_TOKEN", "REDIS_PASSWORD"}


def load(file: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / file).read_text())
    return content


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = load("docker-compose.yml")["services"]
    return found


def compose_client() -> tuple[str, ...] | None:
    for command in (("docker", "compose"), ("docker-compose",)):
        if shutil.which(command[0]):
            answer = subprocess.run((*command, "version"), capture_output=True, check=False)
            if answer.returncode == 0:
                return command
    return None


@pytest.mark.parametrize("file", FILES)
def test_a_compose_client_accepts_the_file(file: str) -> None:
    client = compose_client()
    if client is None:
        pytest.skip("there is no Docker client with the compose command here")

    result = subprocess.run(
        (*client, "-f", str(ROOT / file), "config", "--quiet"),
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("file", FILES)
def test_the_file_follows_the_compose_specification(file: str) -> None:
    compose_spec = pytest.importorskip(
        "compose_spec", reason="the compose-spec package is not installed"
    )
    content = load(file)

    compose_spec.PyCompose.from_json(json.dumps(content))

    content["services"]["bot"]["red_only"] = True
    with pytest.raises(ValueError, match="red_only"):
        compose_spec.PyCompose.from_json(json.dumps(content))


@pytest.mark.parametrize("file", FILES)
def test_whatever_is_referred_to_is_defined(file: str) -> None:
    content = load(file)
    for name, service in content["services"].items():
        assert set(service.get("networks", ())) <= set(content.get("networks", ())), name
        assert set(service.get("secrets", ())) <= set(content.get("secrets", ())), name
        assert set(service.get("depends_on", ())) <= set(content["services"]), name
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            known = source in content["volumes"] or (ROOT / source).exists()
            assert known, f"{name}: {source}"
        for needed in service.get("depends_on", ()):
            assert "healthcheck" in content["services"][needed], needed


@pytest.mark.parametrize("file", FILES)
def test_every_image_has_a_version(file: str) -> None:
    for service in load(file)["services"].values():
        assert re.search(r":\d+\.\d+\.\d+", service["image"])
    for dockerfile in (ROOT / "deploy").glob("*.Dockerfile"):
        text = dockerfile.read_text()
        assert re.search(r"^ARG PYTHON=python:\d+\.\d+\.\d+-", text, re.MULTILINE)
        bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
        assert set(bases) == {"${PYTHON}"}


@pytest.mark.parametrize("name", ["redis", *OURS])
def test_a_container_can_do_no_more_than_it_must(services: dict[str, Any], name: str) -> None:
    service = services[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "ports" not in service
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("dockerfile", ["bot", "worker"])
def test_an_image_runs_as_a_user_without_rights(dockerfile: str) -> None:
    final = (ROOT / "deploy" / f"{dockerfile}.Dockerfile").read_text().split("\nFROM ")[-1]

    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)
    assert final.index("USER ") > final.rindex("RUN ")


def test_redis_is_out_of_reach_of_the_host_and_the_world(services: dict[str, Any]) -> None:
    networks = load("docker-compose.yml")["networks"]

    assert services["redis"]["networks"] == ["queue"]
    assert networks["queue"]["internal"] is True
    assert services["redis"]["user"] == "redis"


def test_redis_keeps_its_data_and_is_checked(services: dict[str, Any]) -> None:
    redis = services["redis"]

    assert "redis-data:/data" in redis["volumes"]
    assert "redis-cli ping" in redis["healthcheck"]["test"][1]
    for name in OURS:
        assert services[name]["depends_on"]["redis"] == {"condition": "service_healthy"}


def test_secrets_come_from_files_and_stand_in_no_setting(services: dict[str, Any]) -> None:
    content = load("docker-compose.yml")
    assert all(set(secret) == {"file"} for secret in content["secrets"].values())
    assert {name.upper() for name in content["secrets"]} == SECRETS
    for name in OURS:
        assert set(services[name]["secrets"]) == {"discord_token", "redis_password"}
        assert not SECRETS & set(services[name]["environment"])
    assert services["redis"]["secrets"] == ["redis_password"]


def test_the_names_of_the_secrets_are_those_that_the_settings_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "discord_token").write_text("the-token")
    (tmp_path / "redis_password").write_text("the-password")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_URL", "redis://redis:6379/0")

    discord = DiscordSettings(_secrets_dir=tmp_path)
    redis = RedisSettings(_secrets_dir=tmp_path)

    assert discord.token.get_secret_value() == "the-token"
    assert redis.password is not None
    assert redis.password.get_secret_value() == "the-password"


def test_every_setting_can_be_given(services: dict[str, Any]) -> None:
    shared = {
        key
        for settings in (DiscordSettings, RedisSettings, QueueSettings, LogSettings)
        for key in environment_keys(settings).values()
    } - SECRETS

    for name, own in (("bot", BotSettings), ("worker", WorkerSettings)):
        wanted = shared | set(environment_keys(own).values())
        assert set(services[name]["environment"]) == wanted


def test_the_worker_has_a_gpu_and_keeps_its_models(services: dict[str, Any]) -> None:
    worker = services["worker"]

    (device,) = worker["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    assert "models:/models" in worker["volumes"]
    assert worker["environment"]["NEWBIE_WORKER_MODEL"].endswith(":-/models/NewBie-image-Exp0.1}")


def test_a_job_in_hand_can_be_finished_or_handed_back(services: dict[str, Any]) -> None:
    grace = WorkerSettings.model_fields["shutdown_grace"].default

    period = int(services["worker"]["stop_grace_period"].removesuffix("s"))
    assert period > grace + SLOT_SECONDS + 5  # the renderer's own end


@pytest.mark.parametrize("file", FILES)
def test_there_can_be_any_number_of_workers(file: str) -> None:
    worker = load(file)["services"]["worker"]

    # Each of these can be had only once on a machine.
    assert not {"container_name", "hostname", "ports", "pid", "ipc"} & set(worker)
    assert worker.get("network_mode", "service:") != "host"
    # A reserved number of GPUs would be the same first ones for all: they choose themselves.
    devices = worker.get("deploy", {}).get("resources", {}).get("reservations", {})
    assert all(one["count"] == "all" for one in devices.get("devices", ()))
    assert "NEWBIE_WORKER_DEVICE" not in {
        key for key, value in worker["environment"].items() if value is not None
    }
    # Its socket and what its processes tell each other is its own.
    runtime = worker["environment"]["NEWBIE_WORKER_RUNTIME_DIR"]
    assert any(mount.startswith(f"{runtime}:") for mount in worker["tmpfs"])
    assert not any(f":{runtime}" in volume for volume in worker.get("volumes", ()))


def test_redis_is_published_only_where_it_is_asked_for() -> None:
    extra = load("deploy/compose.redis-port.yml")["services"]

    assert set(extra) == {"redis"}
    [port] = extra["redis"]["ports"]
    assert port.startswith("${REDIS_PUBLISH:?")
    assert port.endswith("}:6379:6379")


def test_the_playground_is_published_on_loopback_only() -> None:
    services = load("deploy/compose.playground.yml")["services"]

    assert services["playground"]["ports"] == ["127.0.0.1:8080:8080"]
    assert [name for name in services if "ports" in services[name]] == ["playground"]


def test_an_image_is_built_from_every_room_and_from_nothing_secret() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    rooms = [
        pattern.removesuffix("*")
        for pattern in project["tool"]["setuptools"]["packages"]["find"]["include"]
    ]
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line.removeprefix("!") for line in lines if line.startswith("!")}

    assert "*" in lines
    assert set(rooms) <= kept
    assert kept - set(rooms) == {"pyproject.toml", "constraints.txt", "README.md", "LICENSE"}
    assert any(fnmatch("bot/.env", line) for line in lines if not line.startswith("!"))


def test_secret_files_are_never_committed() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    for name in ("discord_token", "redis_password"):
        result = subprocess.run(
            ("git", "check-ignore", "-q", f"deploy/secrets/{name}"), cwd=ROOT, check=False
        )
        assert result.returncode == 0
