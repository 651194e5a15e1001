"""Two commands that meet at the database: both have been sent and wait for it before either goes on.

Who commits first wins. Who comes second meets the changed call and is told so; nobody is told to try again.
"""

from types import SimpleNamespace
from uuid import uuid4

import pytest

from calls.models import Call, JournalEntry
from tests.conftest import Connect
from tests.support.client import Client, Message
from tests.support.locks import nobody_writes, until_waiting
from tests.support.server import Server

Sent = tuple[Client, str, Message]


def at_once(*commands: Sent) -> list[Message]:
    """Send each command when the one before it waits, let all go at once, and return their answers."""
    with nobody_writes():
        for number, (client, type_, fields) in enumerate(commands):
            client.send({"type": type_, "id": f"race-{number}", **fields})
            until_waiting(number + 1, client)
            assert not answers(client, number)
    return [
        client.until(lambda client=client, number=number: answers(client, number))[0]  # type: ignore[misc]
        for number, (client, *_) in enumerate(commands)
    ]


def answers(client: Client, number: int) -> list[Message]:
    return [message for message in client.messages if message.get("re") == f"race-{number}"]


def events(call: str) -> list[tuple[str, int]]:
    """What happened after it was placed, and the revision that it had then."""
    return list(JournalEntry.objects.filter(call=call, rev__gt=1).values_list("event", "rev"))


@pytest.mark.parametrize("first", ["cancel", "accept"])
def test_cancel_meets_accept(ana: Client, ben: Client, ringing: str, first: str) -> None:
    """A late accept is refused; a late cancel hangs up."""
    commands: list[Sent] = [(ana, "call.hang_up", {"call": ringing}), (ben, "call.accept", {"call": ringing})]
    said = at_once(*(commands if first == "cancel" else reversed(commands)))
    cancel, accept = said if first == "cancel" else reversed(said)
    assert cancel["type"] == "ok"
    if accept["type"] == "ok":
        expected, reason = [("accept", 2), ("hang_up", 3), ("settle", 3)], "completed"
    else:
        assert accept["code"] == "wrong_state"
        expected, reason = [("hang_up", 2), ("settle", 2)], "cancelled"
    assert events(ringing) == expected
    for side in (ana, ben):
        shown = side.until_call(ringing, "ended")
        assert (shown["end_reason"], shown["rev"]) == (reason, expected[-1][1])


def test_of_two_devices_that_accept_at_once_one_joins(
    server: Server, people: SimpleNamespace, connect: Connect, ana: Client, ben: Client, ringing: str
) -> None:
    devices = [ben, connect(server, people.ben)]
    said = at_once(*((device, "call.accept", {"call": ringing}) for device in devices))
    assert sorted(answer.get("code", "ok") for answer in said) == ["ok", "wrong_state"]
    assert events(ringing) == [("accept", 2)]
    winner = next(device for device, answer in zip(devices, said, strict=True) if answer["type"] == "ok")
    for device in devices:
        device.until_call(ringing, "active")
        assert device.leg(ringing)["device"] == winner.device
    assert ana.until_call(ringing, "active")["rev"] == 2


def test_of_two_who_call_each_other_at_once_both_are_in_one_call(
    ana: Client, ben: Client, people: SimpleNamespace
) -> None:
    said = at_once(
        (ana, "call.place", {"call": str(uuid4()), "to": str(people.ben.pk), "kind": "video"}),
        (ben, "call.place", {"call": str(uuid4()), "to": str(people.ana.pk), "kind": "video"}),
    )
    assert [answer["type"] for answer in said] == ["ok", "ok"]
    call = str(Call.objects.get().pk)
    assert {answer["call"] for answer in said} == {call}
    assert events(call) == [("accept", 2)]
    ana.until_call(call, "active")
    ben.until_call(call, "active")
