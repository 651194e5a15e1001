"""Everything that can happen next. `Move.fair`: it happens by itself sooner or later, if nothing else does."""

from collections.abc import Iterator
from typing import NamedTuple

from calls.core.vocabulary import CallState

from . import page
from .server import Server, last
from .world import Answer, Command, Connection, Device, Guards, Peer, Scenario, Snapshot, World, first


class Move(NamedTuple):
    label: str
    fair: bool
    world: World


class Model:
    """One scenario, under these guards."""

    def __init__(self, scenario: Scenario, guards: Guards) -> None:
        self.scenario, self.guards = scenario, guards
        self.server = Server(scenario, guards)
        self.names = list(scenario.owner)
        self._pages = [name for name in self.names if name not in scenario.pageless]
        self.callers = list(scenario.places)

    def begin(self) -> World:
        world = self.server.begin(first(self.scenario))
        for name in self.scenario.begun:
            if name in self._pages:
                index = self.names.index(name)
                device = page.has_placed(world.devices[index], self.callers.index(name))
                world = self._with(world, index, device)
        return world

    def moves(self, world: World) -> Iterator[Move]:
        for index, name in enumerate(self.names):
            if name not in self.scenario.pageless:
                yield from self._person(world, index, name)
                yield from self._socket(world, index, name)
            if self.scenario.strays:
                yield from self._stray(world, name)
        yield from self._network(world)
        for transaction in world.running:
            yield Move(f"commit {transaction.command.id}", True, self.server.commit(world, transaction))
        if not world.late:
            yield Move("the ring is over", True, world._replace(late=True))
        if self.guards.steward:
            yield from self._steward(world)

    # --- people ------------------------------------------------------------------------------------------

    def _person(self, world: World, index: int, name: str) -> Iterator[Move]:
        device = world.devices[index]
        if device.page == "joining" and name in self.scenario.hasty:
            yield Move(f"{name} hangs up", False, self._with(world, index, page.leave_unanswered(device)))
        if device.pending is not None:
            return
        if device.page == "idle" and name in self.scenario.places and self._is_new(world, device):
            call = self.callers.index(name)
            if not world.calls[call]:
                yield self._ask(world, index, self._command(world, name, "place", call))
        for call in range(len(world.calls)):
            if not page.rings(device, call):
                continue
            if self.scenario.switches and (leaves := page.joined(device)) is not None:
                command = self._command(world, name, "switch", call)._replace(leave=leaves)
                yield self._sent(world, index, page.switch(device, command), command)
            elif device.page == "idle" and "opened" not in device.marks:
                yield self._ask(world, index, self._command(world, name, "accept", call))
            if device.page == "idle" and "opened" not in device.marks:
                command = self._command(world, name, "decline", call)
                yield self._sent(world, index, page.decline(device, command), command)
        if device.page == "joined" and device.call is not None:
            command = self._command(world, name, "hang_up", device.call)
            yield self._sent(world, index, page.leave(device, command), command)

    def _is_new(self, world: World, device: Device) -> bool:
        """Each device places one call, whose id it makes: a page that was reloaded would make another."""
        return world.reloads == self.scenario.reloads and not any(device.known) and not any(device.marks)

    def _stray(self, world: World, name: str) -> Iterator[Move]:
        """What no page of ours sends, from a device that is signed in."""
        for call, rows in enumerate(world.calls):
            if not rows:
                continue
            if name in self.scenario.pageless:
                for what in ("hang_up", "rejoin"):
                    stray = Command(f"{name}-stray-{what}-{call}", name, what, call)
                    yield Move(f"stray {what} of {name}", False, self.server.receive(world, stray))
            yield from self._offer(world, name, call, (1, 1), (None, None))

    def _command(self, world: World, name: str, what: str, call: int) -> Command:
        """The id is this page's: what it was before it was reloaded has other ones."""
        return Command(f"{name}-{what}-{call}-{world.reloads}", name, what, call)

    def _ask(self, world: World, index: int, command: Command) -> Move:
        device = page.ask(world.devices[index], command)
        if not self.guards.page_consent:
            device = device._replace(connection=Connection(1, 1, 0, 0))
        return self._sent(world, index, device, command)

    def _sent(self, world: World, index: int, device: Device, command: Command) -> Move:
        return Move(command.id, False, self._with(world, index, device, command))

    # --- sockets -----------------------------------------------------------------------------------------

    def _socket(self, world: World, index: int, name: str) -> Iterator[Move]:
        device = world.devices[index]
        if not device.connected:
            yield Move(f"{name} comes back", True, self._welcome(world, index, device._replace(connected=True)))
            return
        if self.scenario.away:
            yield Move(f"{name} drops", False, self._with(world, index, device._replace(connected=False)))
        if world.reloads and device.page != "idle":
            deaf = world._replace(reloads=world.reloads - 1, answers=_without(world, device.pending))
            fresh = page.reloaded(device, self.server.began(world, name))
            yield Move(f"{name} reloads", False, self._welcome(deaf, index, fresh))
        connection = device.connection
        if connection and device.call is not None and not connection.offered:
            offered = self._with(world, index, device._replace(connection=connection._replace(offered=True)))
            serials = connection.serial, connection.to_serial
            yield from [*self._offer(offered, name, device.call, connection[:2], serials)] or [
                Move(f"{name} offers in vain", True, offered)
            ]
        for call, rows in enumerate(world.calls):
            for row in rows:
                if (shown := self.server.shown(name, row)) is not None:
                    after = page.take_snapshot(device, call, shown, name, self.guards)
                    if after != device:
                        words = f"snapshot {shown.rev} of call {call} ({shown.state}) at {name}"
                        yield Move(words, False, self._told(world, index, after))

    def _offer(
        self, world: World, name: str, call: int, epochs: tuple[int, int], serials: tuple[int, int] | tuple[None, None]
    ) -> Iterator[Move]:
        to = self.server.relays(world, name, call, epochs)
        if to is not None:
            peer = Peer(name, to, call, *epochs, *serials)
            yield Move(f"{name} offers to {to}", True, world._replace(peers=world.peers | {peer}))

    def _welcome(self, world: World, index: int, device: Device) -> World:
        """All live calls, and what the page still holds."""
        name = self.names[index]
        if self.guards.resync:
            device = page.take_welcome(device, name, self._shown(world, name), self.guards)
        return self._told(world, index, device)

    def _told(self, world: World, index: int, device: Device) -> World:
        """The page goes on; or finds itself in a call that it knows nothing of, or is through with."""
        name = self.names[index]
        call = page.bound(device, name)
        through = call is not None and page.is_through(device, call, self.guards)
        if call is not None and not through and self.guards.rejoins:
            command = self._command(world, name, "rejoin", call)
            return self._with(world, index, page.rejoin(device, command), command)
        if call is not None and through and self.guards.lets_go:
            command = self._command(world, name, "let_go", call)._replace(name="hang_up")
            return self._with(world, index, page.leave(device, command), command)
        return self._with(world, index, device)

    def _answered(self, world: World, index: int, answer: Answer) -> World:
        device, name = world.devices[index], self.names[index]
        world = world._replace(answers=_without(world, device.pending))
        after = page.take_answer(device, answer, name, self.guards)
        if (call := page.leaves_now(device, answer, self.guards)) is not None:
            command = self._command(world, name, "hang_up", call)
            return self._with(world, index, page.leave(after, command), command)
        # What came while it waited is looked at now. After a hang-up or a switch it is left to the next snapshot.
        if device.pending is not None and device.pending.name in (*page.JOINING, "decline"):
            return self._told(world, index, after)
        return self._with(world, index, after)

    def _shown(self, world: World, name: str) -> list[tuple[int, Snapshot]]:
        found = ((call, self.server.shown(name, last(world, call))) for call in range(len(world.calls)))
        return [(call, shown) for call, shown in found if shown is not None]

    # --- network and steward -----------------------------------------------------------------------------

    def _network(self, world: World) -> Iterator[Move]:
        """Whatever was ever sent arrives now, for the first time or again."""
        for command in world.commands:
            yield Move(f"arrives: {command.id}", True, self.server.receive(world, command))
        for answer in world.answers:
            for index, device in enumerate(world.devices):
                if device.connected and device.pending and answer.command == device.pending.id:
                    words = f"{'ok' if answer.ok else 'error'} for {answer.command}"
                    yield Move(words, True, self._answered(world, index, answer))

    def _steward(self, world: World) -> Iterator[Move]:
        for call in range(len(world.calls)):
            for ended in self.server.time_out(world, call):
                yield Move(f"time out {call}", True, ended)
            for lost in self.server.lose(world, call):
                yield Move(f"lose a leg of {call}", False, lost)
        if self.guards.resync:
            for index, name in enumerate(self.names):
                device = world.devices[index]
                if device.connected and name not in self.scenario.pageless:
                    healed = page.take_welcome(device, name, self._shown(world, name), self.guards)
                    if healed != device:
                        yield Move(f"heal {name}", True, self._told(world, index, healed))

    def without_spent(self, world: World) -> World:
        """Without the commands that can do nothing any more, whenever they arrive, and to which nobody waits for an
        answer: worlds that differ in them alone are one. What is spent is tried once more before it is dropped."""
        done = {command for command, _ in world.receipts} if self.guards.receipts else set()
        pending = [device.pending for device in world.devices]
        spent = [
            command
            for command in world.commands
            if command.name != "place"
            and command not in pending
            and (command.id in done or self._has_ended(world, command.call))
            and self.server.receive(world, command) == world
        ]
        if not spent:
            return world
        receipts = world.receipts - {(command.id, command.call) for command in spent}
        return world._replace(commands=world.commands.difference(spent), receipts=receipts)

    def _has_ended(self, world: World, call: int) -> bool:
        row = self.server.newest(world, call)
        return row is not None and row.state is CallState.ENDED

    def _with(self, world: World, index: int, device: Device, sent: Command | None = None) -> World:
        devices = list(world.devices)
        devices[index] = device
        return world._replace(devices=tuple(devices), commands=world.commands | {sent} if sent else world.commands)

    # --- where it should come to -------------------------------------------------------------------------

    def is_settled(self, world: World) -> bool:
        """Nothing is asked, nobody rings in vain, each page shows the newest of what it knows and the call that its
        device is in, and a call goes on only where each side can take what the other's connection says."""
        for name, device in zip(self.names, world.devices, strict=True):
            if device.pending or not device.connected:
                return False
            for call, known in enumerate(device.known):
                if known and known != self.server.shown(name, last(world, call)):
                    return False
            if device.call is not None and not self._is_in(world, name, device.call):
                return False
        return all(self._is_whole(world, call) for call in range(len(world.calls)))

    def _is_in(self, world: World, name: str, call: int) -> bool:
        shown = self.server.shown(name, last(world, call))
        return shown is not None and shown.state is not CallState.ENDED and shown.device == name

    def _is_whole(self, world: World, call: int) -> bool:
        row = self.server.newest(world, call)
        if row is None or row.state is CallState.ENDED:
            return True
        if row.state is not CallState.ACTIVE:
            return False
        names = [leg.device or "" for leg in row.legs]
        return all(self._hears(world, call, *pair) for pair in (names, names[::-1]) if pair[0] in self._pages)

    def _hears(self, world: World, call: int, name: str, other: str) -> bool:
        """This device has a connection for the call and, if the other has a page, can take what it sent."""
        device = world.devices[self.names.index(name)]
        if device.connection is None or device.call != call:
            return False
        sent = [peer for peer in world.peers if peer.sender == other and peer.serial is not None]
        return other not in self._pages or any(page.takes_peer(device, name, peer, self.guards) for peer in sent)


def _without(world: World, asked: Command | None) -> frozenset[Answer]:
    """The answers that somebody waits for still."""
    if asked is None:
        return world.answers
    return frozenset(answer for answer in world.answers if answer.command != asked.id)
