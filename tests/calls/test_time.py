"""Deadlines and leases, on a server that waits for nobody; and what a server's death does to calls."""

from types import SimpleNamespace

import pytest
from django.utils.timezone import now

from calls import switchboard
from calls.models import Call, Leg
from tests.calls.conftest import punctual, until_a_tick
from tests.conftest import Connect
from tests.support.server import Server
from tests.support.wait import until, within

pytestmark = pytest.mark.slow


def test_a_ring_that_nobody_answers_is_missed(hasty_server: Server, people: SimpleNamespace, connect: Connect) -> None:
    ana, ben = connect(hasty_server, people.ana), connect(hasty_server, people.ben)
    call = ana.place(people.ben.pk)
    assert ana.until_call(call, "ended")["end_reason"] == "missed"
    ben.until_call(call, "ended")
    assert ben.state(call) == ("missed", "missed")
    assert ben.command("call.accept", call=call)["code"] == "wrong_state"


def test_a_side_that_vanishes_is_lost_and_the_other_learns_it(
    hasty_server: Server, people: SimpleNamespace, connect: Connect
) -> None:
    ana, ben = connect(hasty_server, people.ana), connect(hasty_server, people.ben)
    call = ana.place(people.ben.pk)
    ben.command("call.accept", call=call)
    ben.drop()
    assert ana.until_call(call, "ended")["end_reason"] == "lost"
    assert set(Leg.objects.filter(call=call).values_list("state", flat=True)) == {"left", "lost"}


def test_leases_are_renewed_while_both_are_there(
    hasty_server: Server, people: SimpleNamespace, connect: Connect
) -> None:
    ana, ben = connect(hasty_server, people.ana), connect(hasty_server, people.ben)
    call = ana.place(people.ben.pk)
    ben.command("call.accept", call=call)
    leg = Leg.objects.get(call=call, user=people.ana)
    first = leg.lease_expires_at
    until(lambda: leg.refresh_from_db() or leg.lease_expires_at > first, "a longer lease")
    assert ana.calls[call]["state"] == "active"


@pytest.mark.usefixtures("alone")
def test_a_caller_who_is_gone_has_cancelled(people: SimpleNamespace, connect: Connect) -> None:
    server = punctual()
    try:
        ana, ben = connect(server, people.ana), connect(server, people.ben)
        call = ana.place(people.ben.pk)
        ben.until_call(call, "ringing")
        until_a_tick(call)
        with within(10):
            ana.drop()
            assert ben.until_call(call, "ended")["end_reason"] == "cancelled"
        assert Leg.objects.get(call=call, user=people.ben).state == "missed"
    finally:
        server.kill()


@pytest.mark.usefixtures("alone")
def test_a_killed_server_ends_no_call_whose_devices_come_back(people: SimpleNamespace, connect: Connect) -> None:
    """Not even when it was away for longer than their leases: after its start they have time to come back."""
    server = Server(EARSHOT_LEG_LEASE_SECONDS=2, EARSHOT_CALL_RING_SECONDS=2, EARSHOT_START_GRACE_SECONDS=30).start()
    try:
        ana, ben, chen, _ = (connect(server, each) for each in vars(people).values())
        call = ana.place(people.ben.pk)
        ben.command("call.accept", call=call)
        ring = chen.place(people.sam.pk)
        server.kill()
        ana.until_closed()
        until(lambda: not Leg.objects.filter(call=call, lease_expires_at__gt=now()).exists(), "the end of the leases")
        server.start()
        # Its steward has been at work: it has ended the ring.
        until(lambda: Call.objects.filter(pk=ring, state="ended").exists(), "the end of the ring")
        again = connect(server, people.ana, device=ana.device)
        back = connect(server, people.ben, device=ben.device)
        assert again.calls[call]["state"] == back.calls[call]["state"] == "active"
        again.peer(call, 1, {"kind": "media", "microphone": True, "camera": True})
        assert back.wait_for("peer")["call"] == call
    finally:
        server.kill()


@pytest.mark.usefixtures("hasty_server")
def test_who_does_not_come_back_after_a_server_was_killed_is_lost(people: SimpleNamespace, connect: Connect) -> None:
    """Nothing has said that their sockets closed: the leases run out, and whatever process is alive sees it."""
    server = Server(EARSHOT_LEG_LEASE_SECONDS=2).start()
    try:
        ana, ben = connect(server, people.ana), connect(server, people.ben)
        call = ana.place(people.ben.pk)
        assert ben.command("call.accept", call=call)["type"] == "ok"
    finally:
        server.kill()
    until(lambda: Call.objects.get(pk=call).end_reason == "lost", "the end of the call")
    assert Leg.objects.filter(call=call, state="lost").exists()


def test_a_page_that_falls_silent_is_told_to_come_back_but_not_a_hidden_one(
    people: SimpleNamespace, connect: Connect
) -> None:
    server = Server(EARSHOT_DEAD_SECONDS=1, EARSHOT_STEWARD_TICK_SECONDS=0.2).start()
    try:
        hidden = connect(server, people.ben)
        hidden.send({"type": "ping", "hidden": True})
        hidden.wait_for("pong")
        assert connect(server, people.ana).until_closed() == 4001
        hidden.settle()
    finally:
        server.kill()


def test_a_ring_that_ended_while_no_server_ran_is_ended_by_the_next(people: SimpleNamespace, connect: Connect) -> None:
    server = Server(EARSHOT_CALL_RING_SECONDS=1).start()
    try:
        ana, ben = connect(server, people.ana), connect(server, people.ben)
        call = ana.place(people.ben.pk)
        ben.until_call(call, "ringing")
        server.kill()
        ben.until_closed()
        server.start()
        again = connect(server, people.ben, device=ben.device, hello=False)
        again.hello([call])
        again.until_call(call, "ended")
    finally:
        server.kill()


def test_a_lost_hint_is_healed_by_the_steward(server: Server, people: SimpleNamespace, connect: Connect) -> None:
    """The change is made by a process that serves nobody and has no bus: only the steward can find it."""
    ana, ben = connect(server, people.ana), connect(server, people.ben)
    call = ana.place(people.ben.pk)
    ben.until_call(call, "ringing")
    switchboard.force_end(call)  # type: ignore[arg-type]
    assert ben.until_call(call, "ended")["end_reason"] == "revoked"
    ana.until_call(call, "ended")
