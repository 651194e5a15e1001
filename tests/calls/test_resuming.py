"""Sockets that are gone and come back: the call goes on, and what the page missed is told."""

from types import SimpleNamespace

import pytest

from tests.conftest import Connect
from tests.support.client import Client
from tests.support.metrics import sockets, until_ticks
from tests.support.server import Server
from tests.support.wait import until


def talk(one: Client, other: Client, call: str, seq: int) -> None:
    """A peer message each way."""
    for sender, receiver in ((one, other), (other, one)):
        sender.peer(call, seq, {"kind": "media", "microphone": True, "camera": False})
        receiver.until(lambda receiver=receiver: seq in [each["seq"] for each in receiver.heard("peer")])  # type: ignore[misc]


@pytest.mark.parametrize(
    ("state", "gone"),
    [
        ("ringing", ["ana"]),
        ("ringing", ["ben"]),
        ("connecting", ["ana", "ben"]),
        ("active", ["ana", "ben"]),
    ],
    ids=["while it rings, the caller's", "while it rings, the callee's", "while they connect", "in the call"],
)
def test_a_call_outlives_the_sockets_of_those_in_it(
    server: Server,
    people: SimpleNamespace,
    connect: Connect,
    ana: Client,
    ben: Client,
    ringing: str,
    state: str,
    gone: list[str],
) -> None:
    """The server has seen them close, and its steward has been at work meanwhile."""
    devices = {"ana": ana, "ben": ben}
    if state != "ringing":
        ben.command("call.accept", call=ringing)
        ana.until_call(ringing, "active")
    if state == "active":
        talk(ana, ben, ringing, 1)
    for name in gone:
        devices[name].drop()
    until(lambda: sockets(server) == len(devices) - len(gone), "the end of the sockets")
    until_ticks(server, 2)
    for name in gone:
        devices[name] = connect(server, getattr(people, name), device=devices[name].device)
    ana, ben = devices.values()
    if state == "ringing":
        assert {each.calls[ringing]["state"] for each in (ana, ben)} == {"ringing"}
        ben.command("call.accept", call=ringing)
    for each in (ana, ben):
        each.until_call(ringing, "active")
        assert each.leg(ringing)["epoch"] == 1
    talk(ana, ben, ringing, 2)


def test_hello_tells_how_a_call_ended_that_the_page_still_shows(
    server: Server, people: SimpleNamespace, connect: Connect, ana: Client, ben: Client, ringing: str
) -> None:
    ben.drop()
    ana.command("call.hang_up", call=ringing)
    again = connect(server, people.ben, hello=False)
    (call,) = again.hello([ringing])["calls"]
    assert (call["state"], call["end_reason"]) == ("ended", "cancelled")


def test_the_same_device_on_a_second_socket_replaces_the_first(
    server: Server, people: SimpleNamespace, connect: Connect, ana: Client
) -> None:
    connect(server, people.ana, device=ana.device)
    assert ana.until_closed() == 4502
