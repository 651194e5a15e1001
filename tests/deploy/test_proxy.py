"""Caddy with deploy/Caddyfile in front of two real server processes."""

import asyncio
import json
import re
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import ConnectionClosed

from calls import links
from calls.guessing import WRONG_AN_ADDRESS_AND_LINK
from calls.link_secret import secret_of
from config.doctor import reach
from tests.deploy.files import DEPLOY, compose, settings_of
from tests.deploy.proxied import ProxiedVisitor
from tests.support.caddy import Caddy
from tests.support.redis import Redis
from tests.support.server import Server, free_port
from tests.support.wait import until

pytestmark = pytest.mark.slow

METRICS_TOKEN = "what Prometheus sends"
COMPOSE_UPSTREAMS = compose()["services"]["proxy"]["environment"]["UPSTREAMS"]
NOBODY = 4500  # the socket's word to who is not signed in


@pytest.fixture(scope="module")
def installed(django_db_setup: None) -> Iterator[SimpleNamespace]:
    """`proxy` before the processes `one` and `other`."""
    bus = Redis().start()
    behind = {"EARSHOT_TRUSTED_PROXIES": 1, "EARSHOT_HSTS_SECONDS": 60, "EARSHOT_METRICS_TOKEN": METRICS_TOKEN}
    servers = [Server(REDIS_URL=bus.url, **behind) for _ in range(2)]
    upstreams = " ".join(f"127.0.0.1:{server.port}" for server in servers)
    proxy = Caddy(f"to {upstreams}", settings.STATIC_ROOT.parent)
    for server in servers:
        server.environment["EARSHOT_ORIGINS"] = proxy.origin
    yield SimpleNamespace(proxy=proxy.start(), one=servers[0], other=servers[1])
    proxy.stop()
    for server in servers:
        server.kill()
    bus.stop()


@pytest.fixture
def installation(installed: SimpleNamespace, transactional_db: None) -> SimpleNamespace:
    """With both processes running, whatever the test before did to them."""
    for server in (installed.one, installed.other):
        if not server.running:
            server.start()
    return installed


def close_code(proxy: Caddy) -> int:
    """A round trip through the socket: who is not signed in is let in and then sent away with a code."""

    async def visit() -> int:
        async with (
            open_socket(proxy.socket_url, origin=proxy.origin, ssl=proxy.trust, compression=None) as socket,  # type: ignore[arg-type]
            asyncio.timeout(10),
        ):
            try:
                await socket.recv()
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 0
        return 0

    return asyncio.run(visit())


def test_pages_and_the_socket_come_through_with_every_header(installation: SimpleNamespace) -> None:
    proxy = installation.proxy
    status, headers, body = proxy.get("/accounts/login/")
    assert status == 200 and b"csrfmiddlewaretoken" in body
    assert "script-src" in headers["Content-Security-Policy"]
    assert headers["Strict-Transport-Security"] == "max-age=60"
    assert "Secure" in headers["Set-Cookie"]
    assert close_code(proxy) == NOBODY


def test_who_comes_without_tls_is_led_to_it(installation: SimpleNamespace) -> None:
    proxy = installation.proxy
    plain = f"http://localhost:{proxy.plain_port}/accounts/login/"
    with urllib.request.urlopen(plain, timeout=10, context=proxy.trust) as response:
        assert response.url == f"{proxy.origin}/accounts/login/"


class TestStaticFiles:
    def test_with_a_hash_in_their_names_are_kept_for_good_and_others_are_not(
        self, installation: SimpleNamespace
    ) -> None:
        paths = json.loads((settings.STATIC_ROOT / "staticfiles.json").read_text())["paths"]
        status, headers, body = installation.proxy.get(f"/static/{paths['js/app.js']}", {"Accept-Encoding": "gzip"})
        assert (status, headers["Content-Encoding"], headers["X-Content-Type-Options"]) == (200, "gzip", "nosniff")
        assert headers["Cache-Control"] == "max-age=315360000, public, immutable"
        assert "javascript" in headers["Content-Type"] and body[:2] == b"\x1f\x8b"
        assert installation.proxy.get("/static/js/app.js")[1]["Cache-Control"] == "max-age=60, public"

    def test_that_are_not_there_are_not_kept(self, installation: SimpleNamespace) -> None:
        status, headers, _ = installation.proxy.get("/static/js/app.0123456789ab.js")
        assert (status, headers["Cache-Control"]) == (404, None)

    def test_are_there_while_no_process_is(self, installation: SimpleNamespace) -> None:
        installation.one.kill()
        installation.other.kill()
        assert installation.proxy.get("/static/js/app.js")[0] == 200

    @pytest.mark.parametrize("path", ["/static/../secret_key", "/static/%2e%2e/secret_key", "/static/..%2fsecret_key"])
    def test_nothing_beside_them_is_given_out(self, installation: SimpleNamespace, path: str) -> None:
        (settings.STATIC_ROOT.parent / "secret_key").touch()
        assert installation.proxy.get(path)[0] in (400, 404)


class TestSeveralProcesses:
    def test_one_that_is_gone_is_passed_over(self, installation: SimpleNamespace) -> None:
        installation.one.kill()
        assert [installation.proxy.get("/healthz")[0] for _ in range(6)] == [200] * 6
        assert close_code(installation.proxy) == NOBODY

    def test_while_one_after_the_other_is_restarted_every_request_is_answered(
        self, installation: SimpleNamespace
    ) -> None:
        answered = []
        for server in (installation.one, installation.other):
            server.terminate()
            answered += [installation.proxy.get("/accounts/login/")[0] for _ in range(4)]
            server.start()
            answered += [installation.proxy.get("/accounts/login/")[0] for _ in range(4)]
        assert answered == [200] * 16

    def test_one_that_comes_back_gets_sockets_again(self, installation: SimpleNamespace) -> None:
        installation.one.kill()
        installation.proxy.get("/healthz")
        installation.one.start()
        installation.other.kill()
        until(lambda: installation.proxy.get("/healthz")[0] == 200, "an answer of the one that came back")


def test_the_server_believes_the_proxy_about_addresses_and_nobody_else(
    installation: SimpleNamespace, people: SimpleNamespace
) -> None:
    """Wrong passcodes are counted by address: who claims others is one, who comes from another is not."""
    secret = secret_of(links.make(people.ana, passcode="open sesame").number)

    def guess(address: str, claims: str) -> int:
        return ProxiedVisitor(installation.proxy, address, claims).look(secret, passcode="wrong")[0]

    wrong = [guess("127.0.0.1", f"198.51.100.{number}") for number in range(WRONG_AN_ADDRESS_AND_LINK)]
    assert set(wrong) == {403}
    assert guess("127.0.0.1", "198.51.100.200") == 429
    assert guess("127.0.0.2", "127.0.0.1") == 403


def test_processes_are_found_by_their_common_name_as_compose_has_it(installation: SimpleNamespace) -> None:
    upstreams = COMPOSE_UPSTREAMS.replace("name app", "name localhost").replace("8000", str(installation.one.port))
    proxy = Caddy(upstreams, settings.STATIC_ROOT.parent).start()
    try:
        assert [proxy.get("/healthz")[0] for _ in range(4)] == [200] * 4
    finally:
        proxy.stop()


@pytest.mark.parametrize(("path", "says"), [("/metrics", b"earshot_sockets"), ("/readyz", b"database")])
def test_what_machines_ask_is_for_inside_only_even_with_the_token(
    installation: SimpleNamespace, path: str, says: bytes
) -> None:
    token = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    assert installation.proxy.get(path, token)[0] == 404
    inside = urllib.request.Request(f"http://127.0.0.1:{installation.one.port}{path}", headers=token)
    with urllib.request.urlopen(inside, timeout=10) as response:
        assert says in response.read()


def test_the_doctor_finds_that_host_and_https_come_through(
    installation: SimpleNamespace, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EARSHOT_ORIGINS = [installation.proxy.origin]
    monkeypatch.setattr(reach, "_trust", lambda: installation.proxy.trust)
    found = {finding.says: finding.status for finding in reach.addresses() if "sign-in page" in finding.says}
    assert found == {f"The sign-in page of {installation.proxy.origin} is served, and its https is believed.": "ok"}


def test_its_log_names_neither_who_asked_nor_what_for_when_no_process_answers() -> None:
    proxy = Caddy(f"to 127.0.0.1:{free_port()}", settings.STATIC_ROOT.parent).start()
    try:
        way = HTTPSConnection("localhost", proxy.port, source_address=("127.0.0.3", 0), context=proxy.trust)
        way.request("GET", "/join/SECRET/", headers={"Referer": "/setup/SECRET/", "X-Forwarded-For": "198.51.100.7"})
        assert way.getresponse().status in (502, 503)
        way.close()
        until(lambda: "no upstreams available" in proxy.log(), "a line about it")
        assert not re.search(r"SECRET|127\.0\.0\.3|198\.51\.100\.7", proxy.log())
    finally:
        proxy.stop()


def test_a_certificate_of_its_own_is_not_trusted_by_others(installation: SimpleNamespace) -> None:
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(installation.proxy.origin, timeout=10, context=ssl.create_default_context())


@pytest.mark.parametrize(
    ("tls", "upstreams"),
    [
        ("ops@team.test", COMPOSE_UPSTREAMS),
        ("ops@team.test", settings_of(DEPLOY / "systemd" / "earshot.env.example")["UPSTREAMS"]),
        ("internal", "to 127.0.0.1:8001"),
    ],
)
def test_the_configuration_is_valid_for_each_way_to_deploy(tls: str, upstreams: str, tmp_path: Path) -> None:
    environment = {"SITE": "calls.team.test", "TLS": tls, "UPSTREAMS": upstreams, "HOME": str(tmp_path)}
    done = subprocess.run(
        ["caddy", "validate", "--config", DEPLOY / "Caddyfile"],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "Valid configuration" in done.stdout + done.stderr, done.stderr
    assert not [line for line in done.stderr.splitlines() if '"level":"warn"' in line and "pki" not in line]
