"""The Compose file: pinned, healthy, bounded, and reachable from this machine only."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from f.millrace.core import all_settings, config
from scripts.commands import ui
from scripts.commands.__main__ import parse
from scripts.console.app import make_application
from scripts.observability import exporter, generated, rules
from scripts.serving import guard

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / generated.FOLDER
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EACH = pytest.mark.parametrize("name", sorted(SERVICES))


def test_everything_that_millrace_uses_is_there():
    wanted = {
        "windmill_server",
        "windmill_worker",
        "windmill_db",
        "millrace_db",
        "jaeger",
        "prometheus",
        "alertmanager",
    }

    assert wanted | {"grafana", "mailpit", "searxng", "exporter", "console"} == set(SERVICES)


@EACH
def test_images_are_pinned_to_a_full_version(name: str):
    named, _, digest = SERVICES[name]["image"].partition("@")
    tag = named.rpartition(":")[2]

    assert re.search(r"\d+\.\d+", tag), SERVICES[name]["image"]
    assert tag not in ("latest", "main", "edge")
    assert not digest or re.fullmatch(r"sha256:[0-9a-f]{64}", digest)


@EACH
def test_each_service_says_when_it_is_well_and_how_much_it_may_use(name: str):
    service = SERVICES[name]

    assert service["healthcheck"]["test"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert service["restart"] == "unless-stopped"
    assert service["logging"]["options"]["max-size"]


@EACH
def test_ports_are_bound_to_loopback(name: str):
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:"), port


def test_no_port_is_taken_twice():
    ports = [
        port.rsplit(":", 1)[0] for service in SERVICES.values() for port in service.get("ports", [])
    ]

    assert len(ports) == len(set(ports))


def test_data_lies_in_declared_volumes_and_mounted_files_exist():
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).exists(), f"{name}: {source}"
                assert volume.endswith(":ro"), volume
            else:
                assert source in COMPOSE["volumes"], f"{name}: {source}"


def test_what_watches_reads_exactly_the_generated_files():
    mounted = [
        path.relative_to(FOLDER).as_posix()
        for name in ("prometheus", "alertmanager", "grafana")
        for volume in SERVICES[name]["volumes"]
        if volume.startswith(".")
        for path in files(ROOT / volume.split(":")[0])
    ]

    # Not generated are the addresses of what Grafana asks; the tests and the runbook are for
    # people.
    made = {
        name
        for name in generated.expected()
        if not name.startswith("prometheus-tests/") and name != "runbook.md"
    }
    assert sorted(mounted) == sorted(made | {"grafana/datasources/millrace.yaml"})


def files(path: Path) -> list[Path]:
    """The files at a mounted path."""
    return [path] if path.is_file() else [found for found in path.rglob("*") if found.is_file()]


def test_dashboards_are_looked_for_where_they_are_mounted():
    provider = yaml.safe_load((FOLDER / "grafana/providers/millrace.yaml").read_text())
    places = {
        volume.split(":")[0]: volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"]
    }

    assert (
        provider["providers"][0]["options"]["path"]
        == places["./resources/telemetry/grafana/dashboards"]
    )
    assert (
        places["./resources/telemetry/grafana/providers"] == "/etc/grafana/provisioning/dashboards"
    )


def test_prometheus_and_alertmanager_find_the_exporter():
    scraped = [
        target
        for job in rules.prometheus_configuration()["scrape_configs"]
        for target in job["static_configs"][0]["targets"]
    ]

    assert f"exporter:{exporter.PORT}" in scraped
    assert {target.split(":")[0] for target in scraped} - {"127.0.0.1"} <= set(SERVICES)
    assert (
        rules.alertmanager_configuration()["receivers"][0]["webhook_configs"][0]["url"]
        == f"http://exporter:{exporter.PORT}/alerts"
    )


def test_millraces_database_is_not_windmills():
    windmill, millrace = SERVICES["windmill_db"], SERVICES["millrace_db"]

    assert millrace["image"].endswith("-pg18")
    assert "pgvector" in millrace["image"]
    assert not {volume.split(":")[0] for volume in windmill["volumes"]} & {
        volume.split(":")[0] for volume in millrace["volumes"]
    }


def test_each_whitelisted_variable_has_a_value_on_the_worker():
    environment = SERVICES["windmill_worker"]["environment"]

    assert {
        name for name in environment["WHITELIST_ENVS"].split(",") if name not in environment
    } == set()


@pytest.mark.parametrize("name", ["windmill_worker", "exporter", "console"])
def test_only_what_a_person_fills_in_goes_before_the_settings_of_the_ui(name: str):
    environment = SERVICES[name]["environment"]
    given = {key: value for key, value in environment.items() if key.startswith("MILLRACE_")}
    always = {key for key, value in given.items() if not re.fullmatch(r"\$\{[A-Z_]+:-\}", value)}

    # The database is Compose's own, and no setting of the resource.
    assert always == {"MILLRACE_DATABASE_URL", "MILLRACE_DEFAULTS"}


def test_the_services_are_the_defaults_of_the_workers():
    defaults = json.loads(SERVICES["windmill_worker"]["environment"]["MILLRACE_DEFAULTS"])

    assert config.validate(defaults).search_url == "http://searxng:8080"
    assert defaults.keys() == {"smtp_url", "search_url", "otlp_endpoint"}
    assert {urlsplit(url).hostname for url in defaults.values()} <= set(SERVICES)
    for name in ("exporter", "console"):
        assert json.loads(SERVICES[name]["environment"]["MILLRACE_DEFAULTS"]) == defaults


def served() -> list[str]:
    """What the console's container starts at last, as the command line reads it."""
    script = re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", SERVICES["console"]["command"][-1])
    return shlex.split(script.rpartition("exec scripts/millrace ")[2])


def test_the_console_starts_by_a_command_that_there_is():
    options = parse(served())

    ui.check(options)
    assert (options.host, options.port, options.no_open) == ("0.0.0.0", 7420, True)
    assert options.allow_host == ["console"]
    assert options.address == "http://127.0.0.1:7420"


def test_what_serves_the_console_may_change_no_tables():
    console = SERVICES["console"]
    steps = console["command"][-1].split("&&")
    owners = [step for step in steps if "MILLRACE_OWNER_URL" in step]

    assert [step.split()[-2:] for step in owners] == [["db", "migrate"]]
    assert "MILLRACE_OWNER_URL" not in console["environment"]
    assert "//millrace_steps:" in console["environment"]["MILLRACE_DATABASE_URL"]


def test_the_console_is_well_when_its_server_says_so_to_whom_calls_it_by_a_name_of_its_own():
    probe = next(part for part in SERVICES["console"]["healthcheck"]["test"] if "urlopen" in part)
    address = urlsplit(re.findall(r"'(http[^']+)'", probe)[0])

    assert address.path in {route.path for route in make_application().app.routes}
    assert f"{address.port}" == SERVICES["console"]["ports"][0].rpartition(":")[2]
    assert guard.refuse({"host": address.netloc}, "") is None


def test_replicas_of_the_console_take_ports_out_of_a_range_and_share_what_is_no_row():
    console = SERVICES["console"]

    assert console["ports"] == ["127.0.0.1:${CONSOLE_PORTS:-7420}:7420"]
    assert console["deploy"]["replicas"] == "${CONSOLES:-1}"
    # Only one of them installs.
    assert console["command"][-1].startswith("flock .millrace/")


def test_the_example_environment_sets_nothing_that_people_set_in_windmill():
    example = dict(
        re.findall(r"^(MILLRACE_[A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.M)
    )
    settings = {
        name: value
        for name, value in example.items()
        if name.removeprefix("MILLRACE_").lower() in all_settings.NAMES
    }

    assert settings.keys() >= {
        "MILLRACE_SMTP_URL",
        "MILLRACE_SEARCH_URL",
        "MILLRACE_OTLP_ENDPOINT",
        "MILLRACE_MODEL",
    }
    assert set(settings.values()) == {""}


def test_example_environment_names_what_compose_reads():
    text = (ROOT / "docker-compose.yml").read_text()
    read = set(re.findall(r"\$\{([A-Z_]+)", text))
    example = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M))

    assert read == example


def test_no_password_lacks_a_default_for_loopback():
    text = (ROOT / "docker-compose.yml").read_text()

    assert re.findall(r"\$\{([A-Z_]+)\}", text) == []


@pytest.mark.parametrize(
    "path", sorted(str(p.relative_to(ROOT)) for p in (ROOT / "resources").glob("**/*.y*ml"))
)
def test_mounted_settings_are_yaml(path: str):
    assert yaml.safe_load((ROOT / path).read_text())


def test_docker_accepts_the_file():
    docker = shutil.which("docker")
    if (
        not docker
        or subprocess.run([docker, "compose", "version"], capture_output=True).returncode != 0
    ):
        pytest.skip("docker compose is not installed")

    done = subprocess.run(
        [docker, "compose", "config", "--quiet"], cwd=ROOT, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
