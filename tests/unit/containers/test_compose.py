"""docker-compose.yaml by itself: it is what Compose takes, and no container may do more than it must."""

import json
import re

import jsonschema
import pytest
import yaml

from lethe import __version__
from lethe.settings import PROJECT, Ports
from lethe.stack.provision.container_credentials import DEFAULT_OWNER, owner
from tests.unit.containers.compose import (
    DOCUMENT,
    FILE,
    LONG_RUNNING,
    NAMES,
    SERVERS,
    SERVICES,
    Service,
    interpolate,
    load,
)

SCHEMA = PROJECT / "tests" / "unit" / "containers" / "schema" / "compose-spec.json"
# CVE-2025-14847 is repaired from here on; 8.0.21 repairs CVE-2026-6914 too.
MONGODB_AT_LEAST = (8, 0, 21)
HOST_PORTS = {"kafka": "kafka", "airflow-api-server": "airflow", "dashboard": "dashboard"}
# Who may speak with whom; a service that is not in a network's row can't reach its servers.
NETWORKS = {
    "kafka": {"kafka", "provision", "stream", "airflow-scheduler", "lethe"},
    "cassandra": {"cassandra", "provision", "stream", "airflow-scheduler"},
    "mongodb": {"mongodb", "provision", "stream", "airflow-scheduler", "publisher", "dashboard", "lethe"},
    "airflow": {
        *("postgres", "airflow-migrate", "airflow-api-server", "airflow-scheduler"),
        *("airflow-dag-processor", "airflow-triggerer", "lethe"),
    },
    "kafka-outside": {"kafka"},
    "airflow-outside": {"airflow-api-server"},
    "dashboard-outside": {"dashboard"},
}


@pytest.fixture(params=NAMES)
def service(request: pytest.FixtureRequest) -> Service:
    return SERVICES[request.param]


def _tag(image: str) -> str:
    name, _, tag = image.partition(":")
    assert re.fullmatch(r"\d+\.\d+(\.\d+)?(-[a-z]+)?", tag), f"{name} has no fixed tag"
    return tag


def test_it_is_a_compose_file() -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(FILE.read_text()))


def test_a_key_that_compose_does_not_know_is_found() -> None:
    document = yaml.safe_load(FILE.read_text())
    document["services"]["kafka"]["helthcheck"] = {}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)


def test_a_nested_default_is_read_as_compose_does() -> None:
    assert interpolate("${A:-${HOME}/keys/${B:-lethe}}/pepper", {"HOME": "/h"}) == "/h/keys/lethe/pepper"
    assert interpolate("${A:-${HOME}/keys}/pepper", {"HOME": "/h", "A": "/a"}) == "/a/pepper"


def test_every_image_has_a_fixed_tag(service: Service) -> None:
    tag = _tag(service.image)
    if service.is_ours:
        assert tag == __version__


def test_mongodb_is_one_that_leaks_no_memory() -> None:
    version = tuple(int(part) for part in _tag(SERVICES["mongodb"].image).split("-")[0].split("."))
    assert version[:2] == (8, 0)
    assert version >= MONGODB_AT_LEAST


@pytest.mark.parametrize(("name", "pom"), [("kafka", "kafka_2.13"), ("cassandra", "cassandra-all")])
def test_kafka_and_cassandra_are_of_the_embedded_version(name: str, pom: str) -> None:
    text = (PROJECT / "lethe" / "stack" / "maven" / name / "pom.xml").read_text()
    found = re.search(rf"<artifactId>{pom}</artifactId>\s*<version>([\d.]+)</version>", text)
    assert found is not None
    assert _tag(SERVICES[name].image) == found[1]


def test_no_container_runs_as_root(service: Service) -> None:
    uid, gid = service.raw["user"].split(":")
    assert int(uid) == int(gid) == DEFAULT_OWNER > 0


def test_every_container_runs_as_whom_one_says() -> None:
    uid, gid = owner()
    document = load({uid: "4711", gid: "4712"})
    for name, raw in document["services"].items():
        assert raw["user"] == "4711:4712", name
        if "build" in raw:
            assert raw["build"]["args"] == {uid: "4711", gid: "4712"}, name
        for each in raw.get("tmpfs", []):
            assert "uid" not in each or "uid=4711,gid=4712" in each, name


def test_no_container_may_do_more_than_it_must(service: Service) -> None:
    raw = service.raw
    assert raw["read_only"] is True
    assert raw["cap_drop"] == ["ALL"]
    assert raw["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "pid", "ipc", "userns_mode", "group_add"} & raw.keys()
    assert raw.get("network_mode", "none") == "none"
    assert not any("docker.sock" in mount.source for mount in service.mounts)


def test_every_container_has_limits(service: Service) -> None:
    assert {"mem_limit", "cpus", "pids_limit"} <= service.raw.keys()
    assert float(service.raw["cpus"]) <= 2, "more than the smallest machine has, and Docker refuses it"
    assert service.raw["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_every_long_running_container_is_watched_and_started_again(name: str) -> None:
    raw = SERVICES[name].raw
    assert raw["restart"] == "unless-stopped"
    assert {"test", "interval", "timeout", "retries", "start_period"} <= raw["healthcheck"].keys()


def test_the_order_of_starting_is_by_health(service: Service) -> None:
    for needed, condition in service.needs.items():
        one_shot = SERVICES[needed].is_one_shot
        assert condition == ("service_completed_successfully" if one_shot else "service_healthy")


@pytest.mark.parametrize("name", ["stream", "airflow-scheduler", "publisher", "dashboard", "lethe"])
def test_nothing_starts_before_the_servers_have_their_users_and_schemas(name: str) -> None:
    assert "provision" in SERVICES[name].needs
    assert set(SERVICES["provision"].needs) == {"kafka", "cassandra", "mongodb"}


def test_only_tools_wait_to_be_called() -> None:
    assert {name for name in NAMES if "profiles" in SERVICES[name].raw} == {"credentials", "lethe"}


def test_ports_are_published_on_loopback_and_are_the_embedded_ones() -> None:
    published = {name: SERVICES[name].raw["ports"] for name in NAMES if "ports" in SERVICES[name].raw}
    ports = Ports(port_base=19_000)
    assert published == {
        name: [f"127.0.0.1:{ports[known]}:{ports[known]}"] for name, known in HOST_PORTS.items()
    }


def test_each_container_reaches_its_servers_and_no_others() -> None:
    found = {
        network: {name for name in NAMES if network in SERVICES[name].networks}
        for network in DOCUMENT["networks"]
    }
    assert found == NETWORKS
    cut_off = {"volumes", "credentials"}
    assert {name for name in NAMES if SERVICES[name].raw.get("network_mode") == "none"} == cut_off
    assert {name for name in NAMES if not SERVICES[name].networks} == cut_off  # the default one holds nobody


@pytest.mark.parametrize("network", NETWORKS)
def test_only_networks_of_published_ports_lead_outside(network: str) -> None:
    internal = bool((DOCUMENT["networks"][network] or {}).get("internal"))
    assert internal is not network.endswith("-outside")


def test_every_volume_is_named_and_used() -> None:
    used = {mount.source for each in SERVICES.values() for mount in each.mounts if mount.is_volume}
    assert used == set(DOCUMENT["volumes"])


@pytest.mark.parametrize("name", SERVERS)
def test_a_servers_volume_keeps_the_owner_that_it_was_given(name: str) -> None:
    (data,) = [mount for mount in SERVICES[name].mounts if mount.is_volume]
    assert data.nocopy, "else the image's own owner takes it"
    given = {mount.source for mount in SERVICES["volumes"].mounts if mount.target == f"/volumes/{name}"}
    assert given == {data.source}
    assert SERVICES[name].needs == {"volumes": "service_completed_successfully"}


def test_the_supervisors_socket_is_between_the_stream_and_the_scheduler() -> None:
    sees = {name: mount for name in NAMES for mount in SERVICES[name].mounts if mount.source == "control"}
    assert set(sees) == {"stream", "airflow-scheduler"}
    assert sees["airflow-scheduler"].read_only
    assert {mount.target for mount in sees.values()} == {
        SERVICES[name].environment["LETHE_CONTROL_DIR"] for name in sees
    }


def test_every_bound_file_is_there_and_read_only(service: Service) -> None:
    bound = [mount for mount in service.mounts if not mount.is_volume and mount.source.startswith("./c")]
    for mount in bound:
        assert (PROJECT / mount.source).exists(), mount.source
        assert mount.read_only, mount.source
