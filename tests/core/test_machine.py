"""The call machine: the table row by row, and the invariants over any sequence of events."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.core import machine
from calls.core.errors import CallError, NotAllowed, TooLate, WrongState
from calls.core.machine import Event, Leg, Terms, decide, state_of
from calls.core.vocabulary import (
    By,
    CallState,
    EndReason,
    EventName,
    FailureStage,
    Kind,
    LegState,
    Role,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TERMS = Terms(ring=timedelta(seconds=60), caller_lease=timedelta(seconds=8), leg_lease=timedelta(seconds=30))
ANA, BEN, STRANGER = "ana", "ben", "stranger"
CALLER, CALLEE = "leg-a", "leg-b"


def placed(*, busy: bool = False) -> machine.Call:
    return machine.place(
        "call",
        Kind.VIDEO,
        caller=Leg(CALLER, Role.CALLER, ANA, LegState.RINGING, device="ana-1"),
        callee=Leg(CALLEE, Role.CALLEE, BEN, LegState.RINGING),
        callee_is_busy=busy,
        now=NOW,
        terms=TERMS,
    ).call


def by_ana(name: EventName, device: str = "ana-1", **more: object) -> Event:
    return Event(name, CALLER, By.PERSON, ANA, device, **more)  # type: ignore[arg-type]


def by_ben(name: EventName, device: str = "ben-1", **more: object) -> Event:
    return Event(name, CALLEE, By.PERSON, BEN, device, **more)  # type: ignore[arg-type]


def do(call: machine.Call, *events: Event, at: datetime = NOW) -> machine.Call:
    for event in events:
        call = decide(call, event, at, TERMS).call
    return call


def states(call: machine.Call) -> tuple[LegState, ...]:
    return tuple(leg.state for leg in call.legs)


def active() -> machine.Call:
    return do(placed(), by_ben(EventName.ACCEPT))


def test_a_placed_call_rings() -> None:
    call = placed()
    assert call.state is CallState.RINGING
    assert states(call) == (LegState.JOINED, LegState.RINGING)
    assert call.ring_expires_at == NOW + TERMS.ring
    assert call.legs[0].lease_expires_at == NOW + TERMS.caller_lease


def test_a_call_to_someone_in_a_call_is_over_at_once_as_busy() -> None:
    call = placed(busy=True)
    assert (call.state, call.end_reason, call.rev) == (CallState.ENDED, EndReason.BUSY, 1)
    assert states(call) == (LegState.LEFT, LegState.BUSY)


def test_accept_joins_on_the_accepting_device_and_the_call_is_active() -> None:
    call = active()
    assert call.state is CallState.ACTIVE
    assert call.answered_at == NOW
    assert call.legs[1].device == "ben-1"
    assert {leg.lease_expires_at for leg in call.legs} == {NOW + TERMS.leg_lease}


def test_alert_is_noted_once() -> None:
    call = do(placed(), by_ben(EventName.ALERT))
    assert call.legs[1].alerted_at == NOW
    again = decide(call, by_ben(EventName.ALERT, "ben-2"), NOW, TERMS)
    assert again.call is call
    assert again.transitions == ()


def test_an_alert_that_changed_nothing_is_answered_alike_when_it_comes_again_after_the_end() -> None:
    """It left no row in the journal that would tell."""
    over = do(placed(), by_ben(EventName.ALERT), by_ana(EventName.HANG_UP))
    again = decide(over, by_ben(EventName.ALERT, "ben-2"), NOW, TERMS)
    assert again.call is over and again.transitions == ()
    with pytest.raises(NotAllowed):
        decide(over, Event(EventName.ALERT, CALLEE, By.PERSON, STRANGER), NOW, TERMS)
    with pytest.raises(WrongState):
        decide(do(placed(), by_ana(EventName.HANG_UP)), by_ben(EventName.ALERT), NOW, TERMS)


@pytest.mark.parametrize(
    ("event", "reason", "legs"),
    [
        (by_ben(EventName.DECLINE), EndReason.DECLINED, (LegState.LEFT, LegState.DECLINED)),
        (by_ana(EventName.HANG_UP), EndReason.CANCELLED, (LegState.LEFT, LegState.MISSED)),
        (by_ana(EventName.SWITCH), EndReason.CANCELLED, (LegState.LEFT, LegState.MISSED)),
        (
            Event(EventName.UNREACHABLE, CALLEE, By.SYSTEM),
            EndReason.UNAVAILABLE,
            (LegState.LEFT, LegState.MISSED),
        ),
        (Event(EventName.OCCUPIED, CALLEE, By.SYSTEM), EndReason.BUSY, (LegState.LEFT, LegState.BUSY)),
        (Event(EventName.FORCE_END, CALLER, By.ADMIN), EndReason.REVOKED, (LegState.LEFT, LegState.MISSED)),
    ],
)
def test_ways_for_a_ringing_call_to_end(event: Event, reason: EndReason, legs: tuple[LegState, ...]) -> None:
    call = do(placed(), event)
    assert (call.state, call.end_reason, call.ended_at, states(call)) == (CallState.ENDED, reason, NOW, legs)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (by_ana(EventName.HANG_UP), EndReason.COMPLETED),
        (by_ben(EventName.HANG_UP), EndReason.COMPLETED),
        (by_ben(EventName.HANG_UP, failure=FailureStage.ICE), EndReason.FAILED),
        (by_ben(EventName.SWITCH, "ben-2"), EndReason.COMPLETED),
        (Event(EventName.FORCE_END, CALLEE, By.SYSTEM), EndReason.REVOKED),
    ],
)
def test_ways_for_an_active_call_to_end(event: Event, reason: EndReason) -> None:
    call = do(active(), event)
    assert (call.state, call.end_reason) == (CallState.ENDED, reason)
    assert states(call) == (LegState.LEFT, LegState.LEFT)


class TestDeadlines:
    def test_accept_is_allowed_until_just_before_the_deadline(self) -> None:
        last = NOW + TERMS.ring - timedelta(microseconds=1)
        assert do(placed(), by_ben(EventName.ACCEPT), at=last).state is CallState.ACTIVE

    def test_accept_at_the_deadline_is_too_late_even_if_no_steward_has_run(self) -> None:
        with pytest.raises(TooLate):
            do(placed(), by_ben(EventName.ACCEPT), at=NOW + TERMS.ring)

    def test_the_steward_ends_the_ring_at_the_deadline_and_not_before(self) -> None:
        time_out = Event(EventName.TIME_OUT, CALLEE, By.STEWARD)
        with pytest.raises(NotAllowed):
            do(placed(), time_out, at=NOW + TERMS.ring - timedelta(microseconds=1))
        assert do(placed(), time_out, at=NOW + TERMS.ring).end_reason is EndReason.MISSED

    def test_a_lease_is_lost_when_it_has_run_out_and_not_before(self) -> None:
        lose = Event(EventName.LOSE, CALLEE, By.STEWARD)
        with pytest.raises(NotAllowed):
            do(active(), lose, at=NOW + TERMS.leg_lease - timedelta(microseconds=1))
        call = do(active(), lose, at=NOW + TERMS.leg_lease)
        assert (call.end_reason, states(call)) == (EndReason.LOST, (LegState.LEFT, LegState.LOST))

    def test_a_caller_gone_while_ringing_has_cancelled(self) -> None:
        call = do(placed(), Event(EventName.LOSE, CALLER, By.STEWARD), at=NOW + TERMS.caller_lease)
        assert (call.end_reason, states(call)) == (EndReason.CANCELLED, (LegState.LOST, LegState.MISSED))


class TestWho:
    def test_only_the_callee_accepts(self) -> None:
        for person in (ANA, STRANGER, None):
            with pytest.raises(NotAllowed):
                do(placed(), Event(EventName.ACCEPT, CALLEE, By.PERSON, person, "x"))

    def test_the_system_cannot_accept_for_anyone(self) -> None:
        for by in (By.SYSTEM, By.STEWARD, By.ADMIN):
            with pytest.raises(NotAllowed):
                do(placed(), Event(EventName.ACCEPT, CALLEE, by))

    def test_only_the_bound_device_hangs_up(self) -> None:
        with pytest.raises(NotAllowed):
            do(active(), by_ben(EventName.HANG_UP, "ben-2"))

    def test_a_second_device_that_accepts_is_refused_and_the_leg_stays(self) -> None:
        call = active()
        with pytest.raises(WrongState, match="accept a leg that is joined"):
            do(call, by_ben(EventName.ACCEPT, "ben-2"))
        assert call.legs[1].device == "ben-1"

    def test_move_comes_from_another_device_and_starts_a_new_epoch(self) -> None:
        with pytest.raises(NotAllowed):
            do(active(), by_ben(EventName.MOVE, "ben-1"))
        leg = do(active(), by_ben(EventName.MOVE, "ben-2")).legs[1]
        assert (leg.device, leg.epoch) == ("ben-2", 2)

    def test_rejoin_comes_from_the_bound_device_and_starts_a_new_epoch(self) -> None:
        with pytest.raises(NotAllowed):
            do(active(), by_ben(EventName.REJOIN, "ben-2"))
        assert do(active(), by_ben(EventName.REJOIN)).legs[1].epoch == 2

    def test_nobody_may_settle(self) -> None:
        with pytest.raises(WrongState):
            do(active(), Event(EventName.SETTLE, CALLEE, By.SYSTEM))


EVENTS = st.builds(
    Event,
    name=st.sampled_from([name for name in EventName if name is not EventName.PLACE]),
    leg=st.sampled_from([CALLER, CALLEE]),
    by=st.sampled_from(By),
    person=st.sampled_from([ANA, BEN, STRANGER, None]),
    device=st.sampled_from(["ana-1", "ana-2", "ben-1", "ben-2", None]),
    failure=st.sampled_from([None, *FailureStage]),
)
STEPS = st.lists(st.tuples(EVENTS, st.integers(0, 40)), max_size=25)


@given(STEPS, st.booleans())
def test_whatever_happens_the_invariants_hold(steps: list[tuple[Event, int]], busy: bool) -> None:
    call, now = placed(busy=busy), NOW
    for event, seconds in steps:
        now += timedelta(seconds=seconds)
        before = call
        try:
            decision = decide(call, event, now, TERMS)
        except CallError:
            assert call == before
            continue
        call = decision.call
        if not decision.transitions:
            assert call is before
            continue

        # One record: an ended call never changes, so it has one state, one reason, one end.
        assert before.state is not CallState.ENDED
        assert call.rev == before.rev + 1
        assert call.state is state_of(call.legs)
        assert (call.ended_at is not None) == (call.state is CallState.ENDED) == (call.end_reason is not None)
        if call.state is CallState.ENDED:
            assert not any(leg.state.live for leg in call.legs)
        # Consent: the callee is joined only by their own accept, before the deadline, from a device.
        callee_before, callee = before.leg(CALLEE), call.leg(CALLEE)
        if callee_before.state is not LegState.JOINED and callee.state is LegState.JOINED:
            assert (event.name, event.by, event.person) == (EventName.ACCEPT, By.PERSON, BEN)
            assert now < call.ring_expires_at
            assert callee.device == event.device
        # Epochs only grow; a leg that ended stays as it ended.
        for old, new in zip(before.legs, call.legs, strict=True):
            assert new.epoch >= old.epoch
            if not old.state.live:
                assert new == old
            assert (new.ended_at is None) == new.state.live
            if new.state is not LegState.JOINED:
                assert new.lease_expires_at is None
        for step in decision.transitions:
            assert machine.TABLE[step.before, step.event].to is step.after


def test_the_table_in_the_documentation_is_this_table() -> None:
    architecture = Path(__file__).parents[2] / "docs" / "architecture.md"
    assert machine.table_as_markdown() in architecture.read_text()
