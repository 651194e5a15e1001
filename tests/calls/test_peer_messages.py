"""The server forwards peer messages between the two bound devices of an active call, and nothing else (invariant 1)."""

from types import SimpleNamespace

from tests.conftest import Connect
from tests.support.client import Client
from tests.support.server import Server

OFFER = {"kind": "offer", "sdp": "v=0 one"}
CANDIDATE = {
    "kind": "candidate",
    "candidate": "candidate:1 1 udp 1 192.0.2.1 1 typ host",
    "sdpMid": "0",
    "sdpMLineIndex": 0,
    "usernameFragment": "u",
}


def test_an_offer_arrives_whole(ana: Client, ben: Client, active: str) -> None:
    ana.peer(active, 1, OFFER)
    assert ben.wait_for("peer") == {
        "type": "peer", "call": active, "from": ana.leg(active)["id"],
        "epoch": 1, "to_epoch": 1, "seq": 1, "ack": 0, "body": OFFER,
    }  # fmt: skip


def test_nothing_passes_before_accept(ana: Client, ben: Client, ringing: str) -> None:
    for sender in (ana, ben):
        for body in (OFFER, CANDIDATE):
            sender.peer(ringing, 1, body)
        sender.until(lambda sender=sender: len(sender.heard("error")) == 2)
        assert {error["code"] for error in sender.heard("error")} == {"not_active"}
    ana.settle()
    ben.settle()
    assert ana.heard("peer") == ben.heard("peer") == []


def test_nothing_passes_after_the_end(ana: Client, ben: Client, active: str) -> None:
    ben.command("call.hang_up", call=active)
    ana.until_call(active, "ended")
    ana.peer(active, 1, OFFER)
    assert ana.wait_for("error")["code"] == "not_active"
    ben.settle()
    assert ben.heard("peer") == []


def test_only_the_bound_device_sends_and_receives(
    server: Server,
    people: SimpleNamespace,
    connect: Connect,
    ana: Client,
    ben: Client,
    active: str,
) -> None:
    other = connect(server, people.ben)
    other.peer(active, 1, OFFER)
    assert other.wait_for("error")["code"] == "not_active"
    ana.peer(active, 1, OFFER)
    ben.wait_for("peer")
    other.settle()
    assert other.heard("peer") == []


def test_a_stranger_sends_nothing_into_a_call(ana: Client, ben: Client, sam: Client, active: str) -> None:
    sam.calls[active] = ana.calls[active]
    sam.peer(active, 1, OFFER)
    assert sam.wait_for("error")["code"] == "not_active"
    ben.settle()
    assert ben.heard("peer") == []


def test_a_message_to_oneself_or_to_no_leg_of_the_call_is_refused(ana: Client, ben: Client, active: str) -> None:
    for to in (ana.leg(active)["id"], active):
        ana.peer(active, 1, OFFER, to=to)
    ana.until(lambda: len(ana.heard("error")) == 2)
    assert {error["code"] for error in ana.heard("error")} == {"not_active"}


def test_a_stale_epoch_is_dropped(ana: Client, ben: Client, active: str) -> None:
    ben.command("call.rejoin", call=active)
    ana.until(lambda: ana.leg(active, mine=False)["epoch"] == 2)
    ana.peer(active, 1, OFFER, to_epoch=1)
    ana.peer(active, 1, CANDIDATE)
    assert ben.wait_for("peer")["body"] == CANDIDATE
    assert len(ben.heard("peer")) == 1


def test_an_address_that_is_hidden_does_not_pass(ana: Client, ben: Client, people: SimpleNamespace) -> None:
    people.ana.hide_address = True
    people.ana.save()
    call = ana.place(people.ben.pk)
    ben.command("call.accept", call=call)
    ana.until_call(call, "active")
    host = "candidate:1 1 udp 2113937151 192.0.2.77 54321 typ host"
    relay = "candidate:3 1 udp 33562367 198.51.100.9 49170 typ relay raddr 0.0.0.0 rport 0"
    for seq, line in enumerate((host, relay), 1):
        ana.peer(call, seq, {"kind": "candidate", "candidate": line})
    ben.until(lambda: ben.heard("peer"))
    assert [message["body"]["candidate"] for message in ben.heard("peer")] == [relay]
    assert ana.wait_for("error")["code"] == "not_allowed"
