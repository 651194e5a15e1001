"""A call from the first ring to the end, between protocol clients and a real server (docs/holding.md)."""

from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from django.utils.timezone import now

from accounts.models import Block, User
from calls import switchboard
from calls.models import Call, JournalEntry, Leg
from tests.conftest import Connect
from tests.support.client import Client
from tests.support.server import Server


def record(call: str) -> Call:
    return Call.objects.get(pk=call)


def test_the_callee_rings_and_the_caller_sees_when_a_device_really_does(ana: Client, ben: Client, ringing: str) -> None:
    assert ben.leg(ringing)["state"] == "ringing"
    assert ben.leg(ringing, mine=False)["person"]["name"] == "Ana"
    assert 50_000 < ben.calls[ringing]["ring_left_ms"] <= 60_000
    assert ana.leg(ringing, mine=False)["alerted"] is False
    ben.command("call.alert", call=ringing)
    ana.until(lambda: ana.leg(ringing, mine=False)["alerted"])


def test_accept_binds_the_device_and_neither_sees_the_others(ana: Client, ben: Client, active: str) -> None:
    assert ben.leg(active)["device"] == ben.device
    assert "device" not in ben.leg(active, mine=False)
    assert "device" not in ana.leg(active, mine=False)


def test_hanging_up_completes_the_call_with_one_record(ana: Client, ben: Client, active: str) -> None:
    ana.command("call.hang_up", call=active)
    assert ben.until_call(active, "ended")["end_reason"] == "completed"
    row = record(active)
    assert (row.state, row.end_reason) == ("ended", "completed")
    assert row.ended_at is not None
    events = JournalEntry.objects.filter(call=row).values_list("event", "after", "by")
    assert list(events) == [
        ("place", "joined", "person"),
        ("place", "ringing", "system"),
        ("accept", "joined", "person"),
        ("hang_up", "left", "person"),
        ("settle", "left", "system"),
    ]


def test_decline(ana: Client, ben: Client, ringing: str) -> None:
    ben.command("call.decline", call=ringing)
    assert ana.until_call(ringing, "ended")["end_reason"] == "declined"


def test_cancel_is_a_missed_call(ana: Client, ben: Client, ringing: str) -> None:
    ana.command("call.hang_up", call=ringing)
    ben.until_call(ringing, "ended")
    assert ben.state(ringing) == ("missed", "cancelled")


def test_a_failed_call_names_the_stage_to_its_own_side_only(ana: Client, ben: Client, active: str) -> None:
    ana.command("call.hang_up", call=active, failure="ice")
    assert ana.until_call(active, "ended")["end_reason"] == "failed"
    ben.until_call(active, "ended")
    assert ana.leg(active)["failure"] == "ice"
    assert "failure" not in ben.leg(active, mine=False)


class TestTwoDevices:
    def test_one_answers_and_the_other_learns_it(
        self, server: Server, people: SimpleNamespace, connect: Connect, ana: Client, ben: Client, ringing: str
    ) -> None:
        second = connect(server, people.ben)
        assert second.leg(ringing)["state"] == "ringing"
        ben.command("call.accept", call=ringing)
        second.until_call(ringing, "active")
        assert second.leg(ringing)["device"] == ben.device != second.device
        answer = second.command("call.accept", call=ringing)
        assert (answer["type"], answer["code"]) == ("error", "wrong_state")

    def test_move_takes_the_call_to_the_other_device_in_a_new_epoch(
        self, server: Server, people: SimpleNamespace, connect: Connect, ana: Client, ben: Client, active: str
    ) -> None:
        second = connect(server, people.ben)
        assert second.command("call.move", call=active)["type"] == "ok"
        ana.until(lambda: ana.leg(active, mine=False)["epoch"] == 2)
        assert second.leg(active)["device"] == second.device
        assert ben.command("call.hang_up", call=active)["code"] == "not_allowed"


class TestGlare:
    def test_the_second_place_answers_the_first_call(
        self, ana: Client, ben: Client, people: SimpleNamespace, ringing: str
    ) -> None:
        assert ben.place(people.ana.pk, "voice") == ringing
        assert ana.until_call(ringing, "active")
        assert Call.objects.count() == 1


class TestNobodyThere:
    def test_off_line_is_unavailable_at_once_and_missed(self, ana: Client, people: SimpleNamespace) -> None:
        call = ana.place(people.chen.pk)
        assert ana.until_call(call, "ended")["end_reason"] == "unavailable"
        assert Leg.objects.get(call=call, role="callee").state == "missed"

    def test_an_id_of_nobody_looks_the_same(self, ana: Client) -> None:
        call = ana.place(uuid4())
        assert ana.until_call(call, "ended")["end_reason"] == "unavailable"

    def test_a_closed_account_looks_the_same(self, ana: Client, people: SimpleNamespace) -> None:
        people.chen.is_active = False
        people.chen.save()
        call = ana.place(people.chen.pk)
        assert ana.until_call(call, "ended")["end_reason"] == "unavailable"

    def test_someone_who_blocked_the_caller_seems_to_ring_and_hears_nothing(
        self, ana: Client, ben: Client, people: SimpleNamespace
    ) -> None:
        Block.objects.create(owner=people.ben, person=people.ana)
        call = ana.place(people.ben.pk)
        first = ana.wait_for("call")["call"]
        assert (first["rev"], first["state"]) == (1, "ringing")
        assert not first["legs"][1]["alerted"], "no device is that fast"
        ana.until(lambda: ana.leg(call, mine=False)["alerted"])
        ben.settle()
        assert call not in ben.calls
        assert ben.command("call.accept", call=call)["code"] == "no_such_call"
        ana.command("call.hang_up", call=call)

    def test_nor_does_it_seem_to_ring_where_no_device_would(
        self, ana: Client, ben: Client, people: SimpleNamespace
    ) -> None:
        Block.objects.create(owner=people.ben, person=people.ana)
        blocker = User.objects.filter(pk=people.ben.pk)
        blocker.update(do_not_disturb_until=now() + timedelta(hours=1))
        call = ana.place(people.ben.pk)
        leg = Leg.objects.get(call=call, user=people.ben)
        switchboard.seem_to_ring()  # as any steward may
        leg.refresh_from_db()
        assert leg.alerted_at is None
        blocker.update(do_not_disturb_until=None)
        switchboard.seem_to_ring()
        leg.refresh_from_db()
        assert leg.alerted_at is not None
        ana.command("call.hang_up", call=call)


class TestBusy:
    """Without call waiting."""

    @pytest.fixture(autouse=True)
    def no_call_waiting(self, people: SimpleNamespace) -> None:
        User.objects.filter(pk=people.ben.pk).update(call_waiting=False)

    def test_someone_in_a_call_is_busy(
        self, server: Server, people: SimpleNamespace, connect: Connect, ben: Client, active: str
    ) -> None:
        chen = connect(server, people.chen)
        call = chen.place(people.ben.pk)
        assert chen.until_call(call, "ended")["end_reason"] == "busy"
        assert Leg.objects.missed_unseen().filter(user=people.ben, call=call).exists()

    def test_who_answers_one_call_is_busy_for_the_others_that_ring(
        self, server: Server, people: SimpleNamespace, connect: Connect, ana: Client, ben: Client, ringing: str
    ) -> None:
        chen = connect(server, people.chen)
        second = chen.place(people.ben.pk)
        ben.until_call(second, "ringing")
        ben.command("call.accept", call=ringing)
        assert chen.until_call(second, "ended")["end_reason"] == "busy"

    def test_one_person_has_one_joined_leg(
        self, server: Server, people: SimpleNamespace, connect: Connect, ana: Client, active: str
    ) -> None:
        other = connect(server, people.ana)
        connect(server, people.chen)
        answer = other.command("call.place", call=str(uuid4()), to=str(people.chen.pk), kind="voice")
        assert answer["code"] == "already_in_call"
        assert Call.objects.count() == 1


class TestCallWaiting:
    """Somebody in a call is rung all the same, and may leave the one for the other."""

    @pytest.fixture
    def waiting(
        self, server: Server, people: SimpleNamespace, connect: Connect, ana: Client, ben: Client, active: str
    ) -> SimpleNamespace:
        """Ana and Ben talk, and Chen's call waits."""
        chen = connect(server, people.chen)
        call = chen.place(people.ben.pk)
        ben.until_call(call, "ringing")
        return SimpleNamespace(chen=chen, call=call)

    def test_who_switches_leaves_one_call_and_is_in_the_other(
        self, ana: Client, ben: Client, active: str, waiting: SimpleNamespace
    ) -> None:
        assert ben.command("call.accept", call=waiting.call, leave=active)["type"] == "ok"
        assert waiting.chen.until_call(waiting.call, "active")
        assert ana.until_call(active, "ended")["end_reason"] == "completed"
        assert JournalEntry.objects.get(event="switch").call_id == UUID(active)

    def test_from_another_device_than_the_one_in_the_call(
        self,
        server: Server,
        people: SimpleNamespace,
        connect: Connect,
        ana: Client,
        ben: Client,
        active: str,
        waiting: SimpleNamespace,
    ) -> None:
        second = connect(server, people.ben)
        assert second.command("call.accept", call=waiting.call, leave=active)["type"] == "ok"
        assert waiting.chen.until_call(waiting.call, "active")
        ana.until_call(active, "ended")
        ben.until_call(active, "ended")

    def test_a_repeat_has_the_same_answer(self, ben: Client, active: str, waiting: SimpleNamespace) -> None:
        first = ben.command("call.accept", id="again", call=waiting.call, leave=active)
        assert first["type"] == "ok"
        assert ben.command("call.accept", id="again", call=waiting.call, leave=active) == first
        assert JournalEntry.objects.filter(event__in=("switch", "accept")).count() == 3

    def test_who_comes_too_late_is_still_in_the_first(
        self, ana: Client, ben: Client, active: str, waiting: SimpleNamespace
    ) -> None:
        waiting.chen.command("call.hang_up", call=waiting.call)
        assert ben.command("call.accept", call=waiting.call, leave=active)["code"] == "wrong_state"
        assert Call.objects.get(pk=active).state == "active"
        ana.peer(active, 1, {"kind": "media", "microphone": True, "camera": True})
        ben.until(lambda: ben.heard("peer"))

    def test_without_naming_the_call_that_one_is_in_it_is_refused(
        self, ben: Client, active: str, waiting: SimpleNamespace
    ) -> None:
        assert ben.command("call.accept", call=waiting.call)["code"] == "already_in_call"
        assert Call.objects.get(pk=active).state == "active"

    def test_declining_ends_that_call_alone(self, ben: Client, active: str, waiting: SimpleNamespace) -> None:
        assert ben.command("call.decline", call=waiting.call)["type"] == "ok"
        assert waiting.chen.until_call(waiting.call, "ended")["end_reason"] == "declined"
        assert Call.objects.get(pk=active).state == "active"

    def test_of_two_that_ring_one_is_answered_and_the_other_goes_on(
        self, server: Server, people: SimpleNamespace, connect: Connect, ben: Client, ringing: str
    ) -> None:
        chen = connect(server, people.chen)
        second = chen.place(people.ben.pk)
        ben.until_call(second, "ringing")
        ben.command("call.accept", call=ringing)
        ben.settle()
        assert Call.objects.get(pk=second).state == "ringing"

    @pytest.mark.parametrize("named", ["nobody's", "others'"])
    def test_a_call_that_one_is_not_in_cannot_be_left(
        self,
        server: Server,
        people: SimpleNamespace,
        connect: Connect,
        ana: Client,
        active: str,
        named: str,
    ) -> None:
        sam, chen = connect(server, people.sam), connect(server, people.chen)
        call = chen.place(people.sam.pk)
        sam.until_call(call, "ringing")
        leave = active if named == "others'" else str(uuid4())
        assert sam.command("call.accept", call=call, leave=leave)["code"] == "no_such_call"
        assert {each.state for each in Call.objects.all()} == {"active", "ringing"}


class TestRepeats:
    """The client saw no answer, came back, and sent the command again."""

    @pytest.mark.parametrize("command", ["call.accept", "call.decline"])
    def test_of_the_callee(self, ana: Client, ben: Client, ringing: str, command: str) -> None:
        first = ben.command(command, id="again", call=ringing)
        assert ben.command(command, id="again", call=ringing) == first
        assert JournalEntry.objects.filter(command="again").count() == 1

    def test_of_a_place(self, ana: Client, ben: Client, people: SimpleNamespace) -> None:
        fields = {"call": str(uuid4()), "to": str(people.ben.pk), "kind": "voice"}
        first = ana.command("call.place", id="again", **fields)
        assert ana.command("call.place", id="again", **fields) == first
        assert Call.objects.count() == 1

    def test_of_a_place_whose_call_has_ended(self, ana: Client, ben: Client, people: SimpleNamespace) -> None:
        fields = {"call": str(uuid4()), "to": str(people.ben.pk), "kind": "voice"}
        first = ana.command("call.place", id="again", **fields)
        ana.command("call.hang_up", call=fields["call"])
        assert ana.command("call.place", id="again", **fields) == first
        assert Call.objects.count() == 1

    def test_of_a_place_that_became_the_answer_to_another_call(
        self, ana: Client, ben: Client, people: SimpleNamespace, ringing: str
    ) -> None:
        fields = {"call": str(uuid4()), "to": str(people.ana.pk), "kind": "voice"}
        assert ben.command("call.place", id="again", **fields)["call"] == ringing
        ben.command("call.hang_up", call=ringing)
        assert ben.command("call.place", id="again", **fields)["call"] == ringing
        assert Call.objects.count() == 1

    def test_of_a_place_does_not_answer_who_calls_meanwhile(
        self, ana: Client, ben: Client, people: SimpleNamespace
    ) -> None:
        first = {"call": str(uuid4()), "to": str(people.ben.pk), "kind": "video", "id": "p2"}
        assert ana.command("call.place", **first)["type"] == "ok"
        ben.until_call(first["call"], "ringing")
        ben.command("call.decline", call=first["call"])
        back = ben.place(people.ana.pk)
        assert ana.command("call.place", **first) == {"type": "ok", "re": "p2", "call": first["call"]}
        assert record(back).state == "ringing"

    def test_of_an_accept_leaves_alone_who_rings_after_that_call(
        self, server: Server, connect: Connect, people: SimpleNamespace, ana: Client, ben: Client, ringing: str
    ) -> None:
        accepted = ben.command("call.accept", id="again", call=ringing)
        ben.command("call.hang_up", call=ringing)
        other = connect(server, people.chen).place(people.ben.pk)
        assert ben.command("call.accept", id="again", call=ringing) == accepted
        assert record(other).state == "ringing"

    def test_of_a_rejoin_begins_one_epoch(self, ana: Client, ben: Client, active: str) -> None:
        for _ in range(2):
            assert ben.command("call.rejoin", id="again", call=active)["type"] == "ok"
        assert Leg.objects.get(call=active, role="callee").epoch == 2

    def test_a_second_call_with_an_id_that_is_taken_is_refused(
        self, server: Server, connect: Connect, people: SimpleNamespace, sam: Client, ringing: str
    ) -> None:
        answer = sam.command("call.place", call=ringing, to=str(people.chen.pk), kind="voice")
        assert answer["type"] == "error"
        assert record(ringing).state == "ringing"


class TestStranger:
    @pytest.mark.parametrize("state", ["ringing", "active", "ended", "never was"])
    @pytest.mark.parametrize(
        "command", ["call.alert", "call.accept", "call.decline", "call.hang_up", "call.move", "call.rejoin"]
    )
    def test_learns_nothing_from_any_command(
        self, ana: Client, ben: Client, sam: Client, ringing: str, command: str, state: str
    ) -> None:
        if state == "active":
            ben.command("call.accept", call=ringing)
        elif state == "ended":
            ben.command("call.decline", call=ringing)
        call = str(uuid4()) if state == "never was" else ringing
        answer = sam.command(command, call=call)
        assert answer == {
            "type": "error", "re": answer["re"], "call": call,
            "code": "no_such_call", "message": "There is no such call.",
        }  # fmt: skip

    def test_gets_no_message_of_a_whole_call(self, ana: Client, ben: Client, sam: Client, active: str) -> None:
        ana.peer(active, 1, {"kind": "media", "microphone": True, "camera": True})
        ben.wait_for("peer")
        ana.command("call.hang_up", call=active)
        sam.settle()
        assert {message["type"] for message in sam.messages} == {"welcome", "pong"}

    def test_learns_of_no_call_by_naming_it_in_hello(
        self, server: Server, people: SimpleNamespace, connect: Connect, ana: Client, ben: Client, ringing: str
    ) -> None:
        sam = connect(server, people.sam, hello=False)
        assert sam.hello([ringing])["calls"] == []
