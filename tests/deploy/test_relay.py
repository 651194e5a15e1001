"""coturn with deploy/turnserver.conf, as deploy/relay starts it: who gets in, and where nobody gets to."""

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from calls.turn import ice_servers
from tests.support import air
from tests.support.relay import SECRET, Relay
from tests.support.server import ROOT
from tests.support.turn_client import ALLOWED, answers, relayed_in

FORBIDDEN, UNAUTHORIZED = 403, 401
CONFIGURATION = (ROOT / "deploy" / "turnserver.conf").read_text()

PUBLIC = ["192.31.196.1", "1.1.1.1", "172.32.0.1", "100.63.255.255", "100.128.0.1", "126.255.255.255"]
PRIVATE = [
    *("0.0.0.0", "0.0.0.1", "10.0.0.1", "10.255.255.255", "100.64.0.1", "127.0.0.1", "127.255.255.254"),
    *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.0.1", "198.18.0.1"),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
]
PUBLIC_6 = ["2606:4700::1111", "2a00:1450::1", "2001:200::1"]
PRIVATE_6 = [
    *("::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:1.1.1.1", "64:ff9b::10.0.0.1"),
    *("64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::1", "fc00::1", "fd12:3456::1", "fe80::1"),
    *("febf::1", "fec0::1", "ff02::1", "::ffff:0:127.0.0.1"),
]


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    running = Relay().start()
    yield running
    running.stop()


@pytest.fixture
def relay_6() -> Iterator[Relay]:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    running = Relay("::1").start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _as_deployed(settings: Any) -> None:
    settings.TURN_URLS, settings.TURN_SECRET = ["turn:relay.example.org"], SECRET


def credentials(seconds: float = 3600) -> tuple[str, str]:
    """What the product gives to the people of an answered call."""
    (server,) = ice_servers("7c2a", seconds)
    return server.username or "", server.credential or ""


class TestWhoGetsIn:
    def test_who_has_credentials_of_the_product(self, relay: Relay) -> None:
        assert answers(relay, *credentials())[0] == ALLOWED

    def test_nobody_after_their_time(self, relay: Relay) -> None:
        assert answers(relay, *credentials(-60))[0] == UNAUTHORIZED

    def test_nobody_with_another_secret_or_an_expiry_moved(self, relay: Relay, settings: Any) -> None:
        name, password = credentials()
        assert answers(relay, f"9{name}", password)[0] == UNAUTHORIZED
        settings.TURN_SECRET = "guessed"
        assert answers(relay, *credentials())[0] == UNAUTHORIZED


class TestWhereNobodyGetsTo:
    def test_a_private_network_or_this_machine(self, relay: Relay) -> None:
        _, said = answers(relay, *credentials(), [*PRIVATE, *PUBLIC])
        assert said == dict.fromkeys(PRIVATE, FORBIDDEN) | dict.fromkeys(PUBLIC, ALLOWED)

    def test_the_same_by_the_names_that_ipv6_has_for_them(self, relay_6: Relay) -> None:
        _, said = answers(relay_6, *credentials(), [*PRIVATE_6, *PUBLIC_6])
        assert said == dict.fromkeys(PRIVATE_6, FORBIDDEN) | dict.fromkeys(PUBLIC_6, ALLOWED)

    def test_what_the_operator_allows_is_reached(self) -> None:
        inside = Relay(allowed="127.0.0.1 10.1.0.0-10.1.255.255").start()
        try:
            _, said = answers(inside, *credentials(), ["127.0.0.1", "10.1.2.3", "10.2.2.3"])
        finally:
            inside.stop()
        assert said == {"127.0.0.1": ALLOWED, "10.1.2.3": ALLOWED, "10.2.2.3": FORBIDDEN}


@pytest.mark.parametrize(("allowed", "answer"), [("", FORBIDDEN), ("127.0.0.1", ALLOWED)])
def test_behind_a_translated_address_two_at_one_relay_need_its_private_one_allowed(allowed: str, answer: int) -> None:
    relay = Relay(allowed=allowed, external="1.2.3.4/127.0.0.1").start()
    try:
        assert answers(relay, *credentials(), ["1.2.3.4"])[1] == {"1.2.3.4": answer}
    finally:
        relay.stop()


# As of a machine that runs containers.
ADDRESS, ADDRESS_6, DOCKERS = "192.31.196.10", "2606:4700:77::10", ["172.17.0.1", "172.18.0.1"]


@pytest.fixture
def machine() -> Iterator[str]:
    """A network namespace with these addresses."""
    if reason := air.possible():
        pytest.skip(reason)
    name = f"earshot{os.getpid()}-relay"
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "add", "door", "type", "veth", "peer", "name", "street")
        for device in ("lo", "door", "street"):
            _ip("-n", name, "link", "set", device, "up")
        for address in (ADDRESS, *DOCKERS):
            _ip("-n", name, "address", "add", address, "dev", "door")
        _ip("-n", name, "address", "add", ADDRESS_6, "dev", "door", "nodad")
        yield name
    finally:
        _ip("netns", "del", name)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@pytest.mark.parametrize(
    ("relay_ip", "external", "relayed"),
    [
        (f"{ADDRESS} {ADDRESS_6}", "", ADDRESS),
        ("", f"1.2.3.4/{ADDRESS}", "1.2.3.4"),
        (ADDRESS_6, "", ADDRESS_6),
    ],
)
def test_who_comes_by_ipv6_gets_an_address_that_others_reach(
    machine: str, relay_ip: str, external: str, relayed: str
) -> None:
    relay = Relay(ADDRESS_6, external=external, relay=relay_ip, namespace=machine).start()
    try:
        assert relayed_in(machine, relay, *credentials(), 4) == [relayed] * 4
    finally:
        relay.stop()


class TestTheProcess:
    def test_understands_every_line_of_its_configuration(self, relay: Relay) -> None:
        assert not re.findall(r".*(?:bad configuration|unknown|unrecognized|deprecated|wrong).*", relay.log(), re.I)

    def test_keeps_its_secret_off_the_command_line(self, relay: Relay) -> None:
        assert SECRET not in relay.command_line()

    def test_has_no_control_port(self, relay: Relay) -> None:
        assert "cli" not in relay.log()  # of one that it has, or would have with a password, it tells

    def test_does_not_start_without_a_secret(self, tmp_path: Path) -> None:
        environment = {"PATH": "/usr/bin:/bin", "DOMAIN": "earshot.test", "RUNTIME_DIRECTORY": str(tmp_path)}
        started = subprocess.run([ROOT / "deploy" / "relay"], env=environment, capture_output=True, text=True)
        assert started.returncode != 0
        assert "TURN_SECRET" in started.stderr


def test_one_person_cannot_take_all_of_it() -> None:
    quotas = dict(re.findall(r"^([\w-]+)=(\d+)$", CONFIGURATION, re.M))
    assert 0 < int(quotas["user-quota"]) < int(quotas["total-quota"])
    assert int(quotas["total-quota"]) <= int(quotas["max-port"]) - int(quotas["min-port"])
    assert int(quotas["max-bps"]) > 0
