"""deploy/compose.yaml, as far as it can be told without running it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.files import DEPLOY, DEPLOYING, OPERATING, compose, settings_of
from tests.support.server import ROOT

OURS = {"app", "prepare"}
COMPOSE = (DEPLOY / "compose.yaml").read_text()


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    return compose()


@pytest.fixture(scope="module")
def services(stack: dict[str, Any]) -> dict[str, Any]:
    return dict(stack["services"])


class TestWhatCanBeReached:
    def test_only_the_proxy_and_the_relay_can_from_outside(self, services: dict[str, Any]) -> None:
        assert {name for name, each in services.items() if "ports" in each} == {"proxy"}
        assert {name for name, each in services.items() if each.get("network_mode") == "host"} == {"relay"}

    def test_database_and_redis_have_one_network_that_leads_nowhere(
        self, stack: dict[str, Any], services: dict[str, Any]
    ) -> None:
        assert services["postgres"]["networks"] == services["redis"]["networks"] == ["inside"]
        assert stack["networks"]["inside"] == {"internal": True}
        assert "inside" not in services["proxy"]["networks"]

    def test_who_comes_by_ipv6_has_an_address_of_their_own(self, stack: dict[str, Any]) -> None:
        """Without IPv6 in the proxy's network Docker passes it on from an address of its own."""
        assert stack["networks"]["outside"]["enable_ipv6"] is True


class TestWhatRuns:
    def test_every_image_is_pinned_to_a_version(self, services: dict[str, Any]) -> None:
        for name, each in services.items():
            if name not in OURS:
                assert re.search(r":\d+\.\d+(\.\d+)?-", each["image"]), each["image"]
        bases = re.findall(r"^FROM (.+)$", (DEPLOY / "Dockerfile").read_text(), re.M)
        assert bases and all(re.search(r":\d+\.\d+\.\d+-", base) for base in bases)

    def test_our_image_is_made_once_for_all_who_run_it(self, services: dict[str, Any]) -> None:
        """Compose makes the images of all services at once; of two that give theirs one name, one fails."""
        assert {name for name, each in services.items() if "build" in each} == {"app"}
        assert services["app"]["build"]["dockerfile"] == "deploy/Dockerfile"
        assert services["prepare"]["image"] == services["app"]["image"]
        assert services["prepare"]["pull_policy"] == "never"

    def test_the_database_has_connections_for_as_many_processes_as_is_said(self, services: dict[str, Any]) -> None:
        (allowed,) = re.findall(r"max_connections=(\d+)", " ".join(services["postgres"]["command"]))
        (each,) = re.findall(r'"max_size": (\d+)', (ROOT / "config" / "settings.py").read_text())
        (said,) = re.findall(r"(\d+) server processes with (\d+) connections each", COMPOSE)
        assert said[1] == each and 2 * int(said[0]) * int(each) <= int(allowed)
        assert f"{said[0]} server processes" in DEPLOYING

    def test_backups_are_made_by_the_version_that_is_backed_up(self, services: dict[str, Any]) -> None:
        """Debian 12's pg_dump is of version 15, and refuses a server that is newer."""
        assert "bookworm" in (DEPLOY / "Dockerfile").read_text()
        assert services["postgres"]["image"].startswith("postgres:15.")

    def test_the_server_has_no_rights_it_does_not_need(self, services: dict[str, Any]) -> None:
        for name in OURS:
            assert services[name]["read_only"] and services[name]["cap_drop"] == ["ALL"]
            assert services[name]["security_opt"] == ["no-new-privileges:true"]
        assert re.findall(r"^USER (.+)$", (DEPLOY / "Dockerfile").read_text(), re.M) == ["earshot"]

    def test_everything_that_stays_up_comes_back_and_is_looked_after(self, services: dict[str, Any]) -> None:
        for name, each in services.items():
            if name != "prepare":
                assert each["restart"] == "unless-stopped" and each["healthcheck"]["test"][0] == "CMD", name

    def test_a_process_is_ready_before_it_gets_people_and_has_time_to_send_them_on(
        self, services: dict[str, Any]
    ) -> None:
        assert "/readyz" in services["app"]["healthcheck"]["test"][-1]
        assert services["app"]["stop_grace_period"] == "15s"
        assert services["proxy"]["depends_on"]["app"] == {"condition": "service_healthy"}

    def test_the_database_is_brought_up_to_date_once_before_any_server_starts(self, services: dict[str, Any]) -> None:
        assert services["prepare"]["command"] == ["python", "manage.py", "prepare"]
        assert services["prepare"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
        assert services["app"]["depends_on"]["prepare"] == {"condition": "service_completed_successfully"}

    def test_any_number_of_server_processes_may_run(self, services: dict[str, Any]) -> None:
        app = services["app"]
        assert app["deploy"]["replicas"] == "${PROCESSES:-2}"
        assert "container_name" not in app and "ports" not in app

    def test_what_is_mounted_is_there(self, services: dict[str, Any], stack: dict[str, Any]) -> None:
        for each in services.values():
            for mount in each.get("volumes", []):
                source = mount.split(":")[0]
                assert (DEPLOY / source).exists() if source.startswith(".") else source in stack["volumes"], mount
        assert services["relay"]["entrypoint"] == ["/etc/earshot/relay"]  # beside turnserver.conf, where it looks


class TestSettings:
    def test_every_variable_is_in_the_example(self) -> None:
        named = set(re.findall(r"\$\{(\w+)", COMPOSE))
        assert named and named <= settings_of(DEPLOY / ".env.example").keys()

    @pytest.mark.parametrize("example", [".env.example", "systemd/earshot.env.example"])
    def test_every_variable_of_an_example_is_documented(self, example: str) -> None:
        for name in settings_of(DEPLOY / example):
            assert f"`{name}`" in OPERATING + DEPLOYING, name

    def test_what_is_set_for_the_server_is_documented_for_operators(self, services: dict[str, Any]) -> None:
        for name in services["app"]["environment"]:
            assert f"`{name}`" in OPERATING, name

    def test_what_the_relay_and_the_proxy_are_told_they_know(self, services: dict[str, Any]) -> None:
        for service, file in (("relay", "relay"), ("proxy", "Caddyfile")):
            text = (DEPLOY / file).read_text()
            for name in services[service]["environment"]:
                assert re.search(rf"\$?\{{\$?{name}\b", text), (service, name)


@pytest.mark.slow
def test_the_image_has_what_the_server_needs_and_nothing_else(tmp_path: Path) -> None:
    kept = re.findall(r"^!(.+)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.M)
    image = tmp_path / "app"
    image.mkdir()
    for name in kept:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, image / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, image / name)
    environment = {"PATH": "/usr/bin:/bin", "EARSHOT_DATA": str(tmp_path / "data"), "PYTHONDONTWRITEBYTECODE": "1"}
    for command in ("prepare", "check"):
        subprocess.run([sys.executable, "manage.py", command], cwd=image, env=environment, check=True)
    assert not {"tests", ".git", "deploy", "var"} & set(kept)
