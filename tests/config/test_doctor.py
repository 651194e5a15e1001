"""The doctor, against the real parts: each found well, and each found broken with what to do about it."""

import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
import redis
import trustme
from django.test import Client as Browser

from calls.processes import known_processes
from config.doctor import Finding, Status, examine, mail, parts, reach, relay
from tests.support.coturn import SECRET, Coturn
from tests.support.people import make_person
from tests.support.postgres import postgres
from tests.support.redis import Redis
from tests.support.server import ROOT, Server, free_port
from tests.support.wait import until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bus() -> Iterator[Redis]:
    running = Redis().start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def coturn() -> Iterator[Coturn]:
    running = Coturn().start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def whole(bus: Redis, coturn: Coturn, django_db_setup: None, django_db_blocker: object) -> Iterator[Server]:
    """A server that lacks nothing."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        running = Server(
            REDIS_URL=bus.url, TURN_URLS=coturn.url, TURN_SECRET=SECRET, STUN_URLS=f"stun:127.0.0.1:{coturn.port}"
        ).start()
    with redis.Redis.from_url(bus.url, decode_responses=True) as client:
        until(lambda: known_processes(client), "the steward's first word")
    yield running
    running.kill()


def told(check: Any) -> str:
    """All that a check finds, a line each."""
    return "\n".join(f"{found.status}: {found.says} {found.advice}" for found in check())


def doctor(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "manage.py", "doctor", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


class TestCommand:
    def test_finds_a_whole_installation_well(self, whole: Server) -> None:
        done = doctor(whole.environment)
        assert done.returncode == 0, done.stdout
        assert "PROBLEM" not in done.stdout
        for well in (
            f"Addresses: {whole.origin} answers after",
            f"The WebSocket of {whole.origin} answers after",
            f"The sign-in page of {whole.origin} is served.",
            f"Static files at {whole.origin} are there, and cached.",
            "Migrations: All are applied.",
            "Redis: Redis ",
            "against Redis's, is 0.0 s",
            "?transport=udp gives an address after",
            "stun:127.0.0.1:",
            "files are collected.",
        ):
            assert well in done.stdout, done.stdout

    def test_finds_a_server_that_does_not_run(self, whole: Server) -> None:
        port = free_port()
        done = doctor({**whole.environment, "EARSHOT_ORIGINS": f"http://localhost:{port}"})
        assert done.returncode == 1
        assert f"Nobody answers at http://localhost:{port}" in done.stdout

    def test_finds_pending_migrations_and_a_database_that_is_away(self, whole: Server, tmp_path: Path) -> None:
        empty = {**whole.environment, "DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3"}
        assert "are pending.\n         → Run: manage.py migrate" in doctor(empty).stdout
        away = {**whole.environment, "DATABASE_URL": f"postgres://earshot:x@127.0.0.1:{free_port()}/earshot"}
        assert "Database: It does not answer" in doctor(away).stdout

    @pytest.mark.slow
    def test_finds_more_processes_than_the_database_has_connections_for(self, whole: Server, bus: Redis) -> None:
        others = [f"earshot:process:{number}" for number in range(9)]  # of 12 connections each; PostgreSQL has 100
        with redis.Redis.from_url(bus.url) as client, postgres() as url:
            for other in others:
                client.hset(other, mapping={"host": "other", "offset": "0"})
            said = doctor({**whole.environment, "DATABASE_URL": url}).stdout
            client.delete(*others)
        assert "PROBLEM  Database: It takes 97 connections; 10 server processes may open 120." in said
        assert "max_connections by 143" in said

    def test_sends_a_letter(self, whole: Server) -> None:
        done = doctor({**whole.environment, "EMAIL_URL": "consolemail://"}, "--mail", "ana@example.org")
        assert "To: ana@example.org" in done.stdout
        assert "A letter is on its way to ana@example.org." in done.stdout


class TestRelay:
    @pytest.fixture(autouse=True)
    def relay_settings(self, settings: Any, coturn: Coturn) -> None:
        settings.TURN_URLS, settings.TURN_SECRET = [coturn.url], SECRET

    def test_over_udp_and_tcp(self, settings: Any, coturn: Coturn) -> None:
        settings.TURN_URLS = [coturn.url, coturn.url.replace("udp", "tcp")]
        assert told(relay.relays).count("ok: turn:") == 2

    def test_a_wrong_secret(self, settings: Any) -> None:
        settings.TURN_SECRET = "another"
        assert "refuses: 401" in told(relay.relays) and "static-auth-secret" in told(relay.relays)

    def test_nobody_there(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(relay, "SECONDS", 0.5)
        settings.TURN_URLS = [f"turn:127.0.0.1:{free_port()}?transport={each}" for each in ("udp", "tcp")]
        assert told(relay.relays).count("does not answer") == 2

    @pytest.mark.parametrize(
        ("relayed", "own", "missed"),
        [
            (["1.2.3.4", "172.17.0.1"], ["1.2.3.4"], ["172.17.0.1"]),
            (["100.64.0.1"], ["2606:4700::1", "10.0.0.1"], ["100.64.0.1"]),
            (["fd00::1"], ["1.2.3.4"], ["fd00::1"]),
            (["1.2.3.4", "2606:4700::1"], ["1.2.3.4"], []),
            (["10.0.0.1"], ["10.0.0.1", "fd00::1"], []),
        ],
    )
    def test_a_private_address_is_out_of_reach_of_those_who_come_by_a_public_one(
        self, relayed: list[str], own: list[str], missed: list[str]
    ) -> None:
        assert relay.out_of_reach(relayed, own) == missed

    def test_a_private_address_from_a_relay_of_the_internet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def public(host: str) -> set[str]:
            return {"1.2.3.4"}

        monkeypatch.setattr(relay, "_addresses_of", public)
        said = told(relay.relays)
        assert "gives the address 127.0.0.1, which nobody outside reaches. Set TURN_RELAY_IP" in said

    def test_an_address_that_is_none(self, settings: Any) -> None:
        settings.TURN_URLS = ["relay.example.org"]
        assert "is no STUN or TURN address" in told(relay.relays)


class Proxy(BaseHTTPRequestHandler):
    """Passes requests on, but for the WebSocket's, with `replaced` in place of the browser's headers."""

    server_behind: Server
    replaced: dict[str, str] = {}

    def do_GET(self) -> None:
        headers = {name.title(): value for name, value in self.headers.items()} | self.replaced
        way = HTTPConnection("127.0.0.1", self.server_behind.port)
        body = self.rfile.read(int(headers.get("Content-Length", 0)))
        way.request(self.command, self.path, body, headers)
        answer = way.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.title() not in ("Transfer-Encoding", "Connection", "Server", "Date"):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.read())
        way.close()

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def proxied(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """`proxied(Host="app")`: the https origin of a proxy that sets these headers, and that the doctor trusts."""
    authority, running = trustme.CA(), []
    door, trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(door)
    authority.configure_trust(trust)
    monkeypatch.setattr(reach, "_trust", lambda: trust)

    def make(**replaced: str) -> str:
        proxy = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Its", (Proxy,), {"server_behind": server, "replaced": replaced})
        )
        proxy.socket = door.wrap_socket(proxy.socket, server_side=True)
        Thread(target=proxy.serve_forever, daemon=True).start()
        running.append(proxy)
        return f"https://localhost:{proxy.server_port}"

    yield make
    for proxy in running:
        proxy.shutdown()
        proxy.server_close()


class TestAddresses:
    def test_a_proxy_that_does_not_pass_on_the_host(self, settings: Any, proxied: Callable[..., str]) -> None:
        settings.EARSHOT_ORIGINS = [proxied(Host="app:8000")]
        said = told(reach.addresses)
        assert "answers after" in said  # /healthz, by any host
        assert "are refused: 400" in said and "proxy_set_header Host $host" in said

    @pytest.mark.parametrize(
        ("trusted", "advice"), [(0, "Set EARSHOT_TRUSTED_PROXIES"), (1, "The proxy must set X-Forwarded-Proto")]
    )
    def test_https_that_does_not_come_through(
        self, settings: Any, proxied: Callable[..., str], trusted: int, advice: str
    ) -> None:
        settings.EARSHOT_ORIGINS, settings.TRUSTED_PROXIES = [proxied()], trusted
        said = told(reach.addresses)
        assert "for plain http" in said and advice in said
        assert "note: The cookies of" in said  # the server behind has addresses that are not https

    def test_another_list_of_origins_behind_the_proxy(self, settings: Any, server: Server) -> None:
        settings.EARSHOT_ORIGINS = [f"http://127.1:{server.port}"]
        assert "Set the same EARSHOT_ORIGINS for every process." in told(reach.addresses)

    def test_a_proxy_that_passes_no_websocket_on(self, settings: Any) -> None:
        class Deaf(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = not self.path.startswith("/ws/")
                self.send_response(200 if found else 404)
                self.end_headers()
                self.wfile.write(b"ok" if found else b"")

            def log_message(self, *_: Any) -> None:
                pass

        proxy = ThreadingHTTPServer(("127.0.0.1", 0), Deaf)
        Thread(target=proxy.serve_forever, daemon=True).start()
        settings.EARSHOT_ORIGINS = [f"http://127.0.0.1:{proxy.server_port}"]
        said = told(reach.addresses)
        proxy.shutdown()
        assert "does not open" in said and "Upgrade and Connection" in said
        assert "note: Static files" in said

    def test_a_certificate_that_soon_runs_out(
        self, settings: Any, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        leaf = trustme.CA().issue_cert("localhost", not_after=datetime.now(UTC) + timedelta(days=3, hours=1))
        pem = leaf.cert_chain_pems[0].bytes().decode()
        monkeypatch.setattr(reach.ssl, "get_server_certificate", lambda *_, **__: pem)
        settings.EARSHOT_ORIGINS = [f"https://localhost:{server.port}"]
        assert "is good for 3 days. Renew it" in told(reach.addresses)

    def test_no_secure_context(self, settings: Any) -> None:
        settings.EARSHOT_ORIGINS = ["http://calls.example.org", "https://calls.example.org"]
        first, second = reach.secure_context()
        assert (first.status, second.status) == (Status.PROBLEM, Status.OK)


@pytest.mark.parametrize(
    ("allowed", "status"), [(47, Status.PROBLEM), (48, Status.NOTE), (95, Status.NOTE), (96, Status.OK)]
)
def test_connections_for_all_processes_and_for_those_that_replace_them(
    allowed: int, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(parts.connection.settings_dict, "OPTIONS", {"pool": {"max_size": 12}})
    assert parts.connections(allowed, processes=4).status is status


@pytest.mark.django_db
class TestClocks:
    def test_a_server_whose_clock_is_off_and_sqlite_on_two_hosts(
        self, settings: Any, bus: Redis, whole: Server
    ) -> None:
        settings.REDIS_URL = bus.url
        with redis.Redis.from_url(bus.url) as client:
            client.hset("earshot:process:x", mapping={"host": "other", "offset": "90.2"})
            said = told(parts.clocks)
            client.delete("earshot:process:x")
        assert "problem: The clock of other, against Redis's, is 90.2 s ahead." in said
        assert "time service" in said
        assert ("SQLite is shared by the hosts" in said) is ("sqlite" in whole.environment["DATABASE_URL"])

    def test_nobody_listens_on_redis(self, settings: Any) -> None:
        own = Redis().start()
        settings.REDIS_URL = own.url
        assert "No server process listens on it." in told(parts.redis_answers)
        own.stop()
        assert "It does not answer" in told(parts.redis_answers)


def test_a_mail_server_that_is_away(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    assert "does not take us" in told(mail.server)


def test_a_check_that_breaks_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[Finding]:
        raise ZeroDivisionError("oh")
        yield

    monkeypatch.setattr("config.doctor.CHECKS", {"Broken": broken})
    ((title, found),) = examine()
    assert (title, found.status) == ("Broken", Status.PROBLEM)
    assert "ZeroDivisionError: oh" in found.says


class TestPage:
    def test_is_for_superusers(self, server: Server, people: SimpleNamespace) -> None:
        browser = Browser()
        browser.force_login(make_person("half", is_staff=True))
        assert browser.get("/admin/doctor/").status_code == 403
        assert browser.post("/admin/doctor/relay/").status_code == 403

    def test_gives_the_browser_credentials_for_a_minute(
        self, settings: Any, people: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.TURN_URLS, settings.TURN_SECRET = ["turn:relay.example.org"], SECRET
        browser = Browser()
        browser.force_login(make_person("boss", is_staff=True, is_superuser=True))
        assert browser.get("/admin/doctor/relay/").status_code == 405
        (given,) = browser.post("/admin/doctor/relay/").json()["ice_servers"]
        assert 0 < int(given["username"].split(":")[0]) - datetime.now(UTC).timestamp() <= 60
