"""The server of the model: the machine, and what the database promises around it (calls/switchboard.py, ledger.py)."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from calls.core import machine
from calls.core.errors import CallError, WrongState
from calls.core.vocabulary import By, CallState, EventName, Kind, LegState, Role

from .world import (
    DEADLINE,
    LEASE_OVER,
    PLACED,
    TERMS,
    Answer,
    Command,
    Guards,
    Row,
    Rows,
    Scenario,
    Snapshot,
    Transaction,
    World,
)

EVENTS = {"accept": EventName.ACCEPT, "decline": EventName.DECLINE, "hang_up": EventName.HANG_UP,
          "leave": EventName.SWITCH, "rejoin": EventName.REJOIN}  # fmt: skip
BEGINNINGS = (EventName.PLACE, EventName.ACCEPT, EventName.REJOIN)


class Refused(Exception):
    """A constraint of the database, or the machine, says no."""


class Server:
    def __init__(self, scenario: Scenario, guards: Guards) -> None:
        self.scenario, self.guards, self.rows = scenario, guards, Rows()
        self._shown: dict[tuple[str, int], Snapshot | None] = {}
        self._devices = list(scenario.owner)
        self._callers = list(scenario.places)

    def begin(self, world: World) -> World:
        for device in self.scenario.begun:
            world = self._place(world, Command("", device, "place", self._callers.index(device)))
        return world

    # --- commands ----------------------------------------------------------------------------------------

    def receive(self, world: World, command: Command) -> World:
        """Begin what is asked for; what has to read before it writes is committed in a step of its own."""
        if command.name == "place":
            if (theirs := self._their_ring(world, command)) is not None:
                return self._finish(world, command, theirs, "accept")
            return world._replace(running=world.running | {Transaction(command, None)})
        if not self.guards.row_lock:
            return world._replace(running=world.running | {Transaction(command, last(world, command.call))})
        return self._finish(world, command, command.call, command.name)

    def commit(self, world: World, transaction: Transaction) -> World:
        command = transaction.command
        world = world._replace(running=world.running - {transaction})
        if command.name != "place":
            return self._finish(world, command, command.call, command.name, row=transaction.row)
        if self.guards.ringing_pair and (theirs := self._their_ring(world, command)) is not None:
            return self._finish(world, command, theirs, "accept")
        return self._finish(world, command, command.call, "place")

    def _finish(self, world: World, command: Command, call: int, name: str, row: int | None = None) -> World:
        done = dict(world.receipts).get(command.id) if self.guards.receipts else None
        try:
            if done is not None:
                raise Refused  # the journal has this command of this person already
            match name:
                case "place":
                    after = self._place(world, command)
                case "switch":
                    after = self._switch(world, command)
                case _:
                    after = self._act(world, command, call, name, row)
        except (CallError, Refused):
            if name == "switch" and done is None and not self.guards.whole_switch:
                world = self._leave(world, command)
            return _answer(world, command, done is not None, command.call if done is None else done)
        after = after._replace(receipts=after.receipts | {(command.id, call)})
        return _answer(after, command, ok=True, call=call)

    def _switch(self, world: World, command: Command) -> World:
        """Leave the one call, if they are in it still, and join the other: both, or neither."""
        return self._act(self._leave(world, command), command, command.call, "accept", None)

    def _leave(self, world: World, command: Command) -> World:
        assert command.leave is not None
        try:
            return self._act(world, command, command.leave, "leave", None)
        except WrongState:
            return world

    def _place(self, world: World, command: Command) -> World:
        caller = self.scenario.owner[command.device]
        callee = self.scenario.places[self._callers[command.call]]
        if world.late:
            raise Refused  # its ring would outlast the one deadline that the model has
        if world.calls[command.call] or self._joined_elsewhere(world, caller, command.call):
            raise Refused
        decision = machine.place(
            str(command.call),
            Kind.VIDEO,
            caller=machine.Leg(f"{command.call}-caller", Role.CALLER, caller, LegState.RINGING, command.device),
            callee=machine.Leg(f"{command.call}-callee", Role.CALLEE, callee, LegState.RINGING),
            callee_is_busy=False,
            now=PLACED,
            terms=TERMS,
        )
        return self.write(world, command.call, Row(decision.call, (1, 0)))

    def _act(self, world: World, command: Command, call: int, name: str, row: int | None) -> World:
        row = last(world, call) if row is None else row
        person = self.scenario.owner[command.device]
        leg = self.rows[row].call.leg_of(person) if row is not None else None
        if row is None or leg is None:
            raise Refused
        if name == "accept" and self._joined_elsewhere(world, person, call):
            raise Refused
        event = machine.Event(EVENTS[name], leg.id, By.PERSON, person, command.device)
        return self.write(world, call, self.decide(row, event, DEADLINE if world.late else PLACED))

    def decide(self, row: int, event: machine.Event, now: datetime) -> Row:
        old, serials = self.rows[row]
        after = machine.decide(old, event, now, TERMS).call
        if event.name in BEGINNINGS:
            serials = tuple(n + (leg.id == event.leg) for n, leg in zip(serials, old.legs, strict=True))
        return Row(after, serials)

    def write(self, world: World, call: int, after: Row) -> World:
        calls = list(world.calls)
        calls[call] = (*calls[call], self.rows.number(after._replace(call=_timeless(after.call))))
        return world._replace(calls=tuple(calls))

    def newest(self, world: World, call: int) -> machine.Call | None:
        number = last(world, call)
        return None if number is None else self.rows[number].call

    # --- the steward -------------------------------------------------------------------------------------

    def time_out(self, world: World, call: int) -> list[World]:
        now = DEADLINE if world.late else PLACED
        return self._by_steward(world, call, LegState.RINGING, EventName.TIME_OUT, lambda leg: now)

    def lose(self, world: World, call: int) -> list[World]:
        def now(leg: machine.Leg) -> datetime:
            there = world.devices[self._devices.index(leg.device or "")].connected
            return PLACED if there else LEASE_OVER

        return self._by_steward(world, call, LegState.JOINED, EventName.LOSE, now)

    def _by_steward(
        self, world: World, call: int, state: LegState, name: EventName, now: Callable[[machine.Leg], datetime]
    ) -> list[World]:
        """The worlds after it was tried on each such leg, if the machine agrees that it is due."""
        number, worlds = last(world, call), []
        for leg in self.rows[number].call.legs if number is not None else ():
            if leg.state is state:
                with suppress(CallError):
                    after = self.decide(number, machine.Event(name, leg.id, By.STEWARD), now(leg))
                    worlds.append(self.write(world, call, after))
        return worlds

    # --- what others see ---------------------------------------------------------------------------------

    def shown(self, device: str, number: int | None) -> Snapshot | None:
        """What this device is told of that row; `None` if it is not of its person's call."""
        if number is None:
            return None
        if (device, number) not in self._shown:
            self._shown[device, number] = self._show(device, self.rows[number])
        return self._shown[device, number]

    def _show(self, device: str, row: Row) -> Snapshot | None:
        call, serials = row
        mine = call.leg_of(self.scenario.owner[device])
        if mine is None:
            return None
        other = next(leg for leg in call.legs if leg is not mine)
        at = call.legs.index(mine)
        return Snapshot(
            call.rev, call.state, mine.state, mine.device, mine.epoch, other.epoch, serials[at], serials[1 - at]
        )

    def began(self, world: World, device: str) -> tuple[int, ...]:
        """Of each call how often this device's leg has begun by now."""
        shown = (self.shown(device, last(world, call)) for call in range(len(world.calls)))
        return tuple(each.serial if each else 0 for each in shown)

    def relays(self, world: World, device: str, call: int, epochs: tuple[int, int]) -> str | None:
        """The device that a peer message goes to, if it may go (calls/exchange.py)."""
        row = self.newest(world, call)
        mine = row.leg_of(self.scenario.owner[device]) if row else None
        if row is None or mine is None:
            return None
        other = next(leg for leg in row.legs if leg is not mine)
        if self.guards.relay_answered and row.answered_at is None:
            return None
        if self.guards.relay_live and row.state is CallState.ENDED:
            return None
        if self.guards.relay_bound and mine.device != device:
            return None
        if epochs != (mine.epoch, other.epoch):
            return None
        return other.device or self.scenario.people[other.person or ""][0]

    def _their_ring(self, world: World, command: Command) -> int | None:
        caller = self.scenario.owner[command.device]
        callee = self.scenario.places[self._callers[command.call]]
        for call in range(len(world.calls)):
            row = self.newest(world, call)
            if row and row.state is CallState.RINGING and (row.legs[0].person, row.legs[1].person) == (callee, caller):
                return call
        return None

    def _joined_elsewhere(self, world: World, person: str, call: int) -> bool:
        if not self.guards.one_joined_leg:
            return False
        rows = (self.newest(world, other) for other in range(len(world.calls)) if other != call)
        return any(leg.person == person and leg.state is LegState.JOINED for row in rows if row for leg in row.legs)


def last(world: World, call: int) -> int | None:
    return world.calls[call][-1] if world.calls[call] else None


def _answer(world: World, command: Command, ok: bool, call: int) -> World:
    """To a page that waits for it: to any other it is nothing."""
    if all(device.pending != command for device in world.devices):
        return world
    return world._replace(answers=world.answers | {Answer(command.id, ok, call)})


def _timeless(call: machine.Call) -> machine.Call:
    """Only whether something has happened is kept, not when."""
    legs = tuple(
        replace(
            leg,
            alerted_at=leg.alerted_at and PLACED,
            joined_at=leg.joined_at and PLACED,
            ended_at=leg.ended_at and PLACED,
            lease_expires_at=leg.lease_expires_at and LEASE_OVER,
        )
        for leg in call.legs
    )
    return replace(call, legs=legs, answered_at=call.answered_at and PLACED, ended_at=call.ended_at and PLACED)
