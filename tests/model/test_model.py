"""The protocol holds in every world that can be reached; and without any one of its guards it does not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from calls.core import machine
from calls.core.vocabulary import EventName

from .explore import explore
from .world import Guards, Scenario

CHECK_DEADLINE, CHANGE = machine._check_deadline, machine._change

PAIR = {"ana": ("a1",), "ben": ("b1",)}
TWO_DEVICES = {"ana": ("a1",), "ben": ("b1", "b2")}

RING = Scenario(TWO_DEVICES, {"a1": "ben"}, begun=("a1",))
AWAY = Scenario(PAIR, {"a1": "ben"}, hasty=("a1", "b1"), away=True)
RELOAD = Scenario(PAIR, {"a1": "ben"}, hasty=("a1", "b1"), reloads=1)
GLARE = Scenario(PAIR, {"a1": "ben", "b1": "ana"})
HASTY = Scenario(PAIR, {"a1": "ben", "b1": "ana"}, hasty=("a1", "b1"), begun=("b1",))
STRAYS = Scenario(TWO_DEVICES, {"a1": "ben"}, pageless=("b2",), strays=True)
BUSY = Scenario(
    {"ana": ("a1",), "ben": ("b1", "b2"), "chen": ("c1",)},
    {"a1": "ben", "b2": "chen"},
    switches=True,
    pageless=("a1", "c1"),
    begun=("a1",),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "at_least"),
    [
        (RING, 100_000),
        (AWAY, 40_000),
        (RELOAD, 100_000),
        (GLARE, 50_000),
        (HASTY, 10_000),
        (STRAYS, 15_000),
        (BUSY, 80_000),
    ],
    ids=[
        "two devices ring",
        "sockets drop",
        "a page is loaded again",
        "both call",
        "hung up at once",
        "strays",
        "two calls",
    ],
)
def test_every_promise_holds_in_every_world(scenario: Scenario, at_least: int) -> None:
    found = explore(scenario)
    assert not found.broken, str(found)
    assert found.worlds > at_least  # not because there was nothing to look at


@pytest.mark.parametrize(
    ("without", "scenario", "breaks"),
    [
        ("row_lock", GLARE, "Each change is made to the newest row"),
        ("ringing_pair", GLARE, "Two people have one call"),
        ("one_joined_leg", BUSY, "at most one joined leg"),
        ("receipts", GLARE, "What was acknowledged"),
        ("whole_switch", BUSY, "What is refused changes nothing"),
        ("resync", AWAY, "it can still come right"),
        ("steward", AWAY, "it can still come right"),
        ("relay_answered", STRAYS, "passes no peer message on but in an active call"),
        ("relay_live", STRAYS, "passes no peer message on but in an active call"),
        ("relay_bound", STRAYS, "between the two bound devices alone"),
        ("page_consent", STRAYS, "opens a peer connection before"),
        ("page_epochs", RELOAD, "by the one that it was made for"),
        ("highest_rev", STRAYS, "goes back to an older state"),
        ("rejoins", RELOAD, "it can still come right"),
        ("awaits_epoch", RELOAD, "by the one that it was made for"),
        ("heeds_decline", RELOAD, "in a call that was declined on it"),
        ("lets_go", BUSY, "it can still come right"),
        ("leaves_what_it_became", HASTY, "it can still come right"),
    ],
)
def test_without_a_guard_it_breaks(without: str, scenario: Scenario, breaks: str) -> None:
    found = explore(scenario, replace(Guards(), **{without: False}))
    assert breaks in found.broken, str(found)


def unless(name: EventName) -> Callable[..., None]:
    """The deadlines are looked at, but not for this event."""

    def check(call: machine.Call, leg: machine.Leg, event: machine.Event, now: datetime) -> None:
        if event.name is not name:
            CHECK_DEADLINE(call, leg, event, now)

    return check


def anybody(*_: object) -> None:
    """Nobody asks who it is."""


def same_epoch(leg: machine.Leg, *rest: Any) -> machine.Leg:
    """Who begins anew is not told from who they were."""
    return replace(CHANGE(leg, *rest), epoch=leg.epoch)


@pytest.mark.parametrize(
    ("function", "instead", "scenario", "breaks"),
    [
        ("_check_deadline", unless(EventName.ACCEPT), STRAYS, "Nobody answers after the deadline"),
        ("_check_deadline", unless(EventName.TIME_OUT), STRAYS, "No ring is timed out before the deadline"),
        ("_check_deadline", unless(EventName.LOSE), STRAYS, "Nobody is lost whose device is there"),
        ("_check_who", anybody, STRAYS, "Only the bound device"),
        ("_change", same_epoch, RELOAD, "by the one that it was made for"),
    ],
    ids=["accept after the deadline", "time out before it", "lose before it", "who may", "epoch"],
)
def test_without_a_check_of_the_machine_it_breaks(
    monkeypatch: pytest.MonkeyPatch, function: str, instead: Callable[..., Any], scenario: Scenario, breaks: str
) -> None:
    monkeypatch.setattr(machine, function, instead)
    found = explore(scenario)
    assert breaks in found.broken, str(found)
