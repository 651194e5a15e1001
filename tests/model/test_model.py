"""The protocol holds in every world that can be reached; and without any one of its guards it does not."""

from dataclasses import fields

import pytest

from calls.core import machine

from .explore import explore
from .world import Guards, Scenario

PAIR = {"ana": ("a1",), "ben": ("b1",)}
TWO_DEVICES = {"ana": ("a1",), "ben": ("b1", "b2")}

RING = Scenario(TWO_DEVICES, {"a1": "ben"})
AWAY = Scenario(PAIR, {"a1": "ben"}, away=True)
RELOAD = Scenario(PAIR, {"a1": "ben"}, reloads=1)
GLARE = Scenario(PAIR, {"a1": "ben", "b1": "ana"})
STRAYS = Scenario(TWO_DEVICES, {"a1": "ben"}, pageless=("b2",), strays=True)
BUSY = Scenario(
    {"ana": ("a1",), "ben": ("b1", "b2"), "chen": ("c1",)},
    {"a1": "ben", "b2": "chen"},
    pageless=("a1", "c1"),
    begun=("a1",),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "at_least"),
    [(RING, 100_000), (AWAY, 20_000), (RELOAD, 40_000), (GLARE, 20_000), (STRAYS, 5_000), (BUSY, 5_000)],
    ids=["one rings two devices", "sockets drop", "a page is loaded again", "both call", "strays", "two calls"],
)
def test_every_promise_holds_in_every_world(scenario: Scenario, at_least: int) -> None:
    found = explore(scenario)
    assert not found.broken, str(found)
    assert found.worlds > at_least  # not because there was nothing to look at


@pytest.mark.parametrize(
    ("guards", "scenario", "breaks"),
    [
        (Guards(row_lock=False), GLARE, "Each change is made to the newest row"),
        (Guards(ringing_pair=False), GLARE, "Two people have one call"),
        (Guards(one_joined_leg=False), BUSY, "at most one joined leg"),
        (Guards(receipts=False), GLARE, "What was acknowledged"),
        (Guards(resync=False), AWAY, "it can still come right"),
        (Guards(steward=False), AWAY, "it can still come right"),
        (Guards(relay_consent=False), STRAYS, "passes no peer message on"),
        (Guards(page_consent=False), STRAYS, "opens a peer connection before"),
        (Guards(epochs=False), RELOAD, "takes nothing that was meant for another"),
        (Guards(highest_rev=False), STRAYS, "goes back to an older state"),
    ],
    ids=lambda value: _without(value) if isinstance(value, Guards) else "",
)
def test_without_a_guard_it_breaks(guards: Guards, scenario: Scenario, breaks: str) -> None:
    found = explore(scenario, guards)
    assert breaks in found.broken, str(found)


def _without(guards: Guards) -> str:
    return ", ".join(field.name for field in fields(guards) if not getattr(guards, field.name))


def nothing(*_: object) -> None:
    """In place of a check."""


@pytest.mark.parametrize(
    ("without", "scenario", "breaks"),
    [
        ("_check_deadline", STRAYS, "Nobody answers after the deadline|No ring is timed out before|Nobody is lost"),
        ("_check_who", STRAYS, "Only the bound device hangs up"),
    ],
)
def test_without_a_check_of_the_machine_it_breaks(
    monkeypatch: pytest.MonkeyPatch, without: str, scenario: Scenario, breaks: str
) -> None:
    monkeypatch.setattr(machine, without, nothing)
    found = explore(scenario)
    assert any(part in found.broken for part in breaks.split("|")), str(found)
