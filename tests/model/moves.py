"""Everything that can happen next. `Move.fair`: it happens by itself sooner or later, if nothing else does."""

from collections.abc import Iterator
from typing import NamedTuple

from calls.core.vocabulary import CallState

from . import page
from .server import Server, last
from .world import Command, Connection, Device, Guards, Peer, Scenario, Snapshot, World


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
        self.callers = list(scenario.places)

    def moves(self, world: World) -> Iterator[Move]:
        for index, name in enumerate(self.names):
            if name not in self.scenario.pageless:
                yield from self._person(world, index, name)
                yield from self._socket(world, index, name)
            elif self.scenario.strays:
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
        if name in self.scenario.places and device.page == "idle" and not any(device.known):
            call = self.callers.index(name)
            if not world.calls[call]:
                yield self._ask(world, index, Command(f"{name}-place", name, "place", call))
        for call in range(len(world.calls)):
            if page.rings(device, call) and device.page == "idle":
                yield self._ask(world, index, Command(f"{name}-accept-{call}", name, "accept", call))
                if device.pending is None:
                    declined = Command(f"{name}-decline-{call}", name, "decline", call)
                    yield self._leave(world, index, declined, "declined")
        if device.page == "joined" and device.call is not None:
            hung_up = Command(f"{name}-hang_up-{device.call}", name, "hang_up", device.call)
            yield self._leave(world, index, hung_up, "over")

    def _stray(self, world: World, name: str) -> Iterator[Move]:
        """What no page of ours sends, from a device that is signed in."""
        for call, rows in enumerate(world.calls):
            if rows:
                stray = Command(f"{name}-stray-{call}", name, "hang_up", call)
                yield Move(f"stray {stray.id}", False, self.server.receive(world, stray))
                yield from self._offer(world, name, call, 1, 1)

    def _ask(self, world: World, index: int, command: Command) -> Move:
        device = page.ask(world.devices[index], command)
        if not self.guards.page_consent:
            device = device._replace(connection=Connection(1, 1))
        return Move(command.id, False, self._with(world, index, device, {command}))

    def _leave(self, world: World, index: int, command: Command, then: str) -> Move:
        device = page.leave(world.devices[index], command, then)
        return Move(command.id, False, self._with(world, index, device, {command}))

    # --- sockets -----------------------------------------------------------------------------------------

    def _socket(self, world: World, index: int, name: str) -> Iterator[Move]:
        device = world.devices[index]
        if not device.connected:
            yield Move(f"{name} comes back", True, self._welcome(world, index, device._replace(connected=True)))
            return
        if self.scenario.away:
            yield Move(f"{name} drops", False, self._with(world, index, device._replace(connected=False)))
        if world.reloads and device.page in ("joining", "joined"):
            fresh = self._welcome(world, index, page.reloaded(device))
            yield Move(f"{name} reloads", False, fresh._replace(reloads=world.reloads - 1))
        if device.connection and device.call is not None and not device.connection.offered:
            epochs = device.connection.epoch, device.connection.other_epoch
            done = device._replace(connection=device.connection._replace(offered=True))
            offered = self._with(world, index, done)
            yield from [*self._offer(offered, name, device.call, *epochs)] or [
                Move(f"{name} offers in vain", True, offered)
            ]
        for call, rows in enumerate(world.calls):
            for row in rows:
                if (shown := self.server.shown(name, row)) is not None:
                    after = page.take_snapshot(device, call, shown, name, self.guards)
                    if after != device:
                        words = f"snapshot {shown.rev} of call {call} ({shown.state}) at {name}"
                        yield Move(words, False, self._told(world, index, after))

    def _offer(self, world: World, name: str, call: int, epoch: int, to_epoch: int) -> Iterator[Move]:
        to = self.server.relays(world, name, call, epoch)
        if to is not None:
            peer = Peer(to, call, epoch, to_epoch)
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
        if (call := page.rejoins(device, name)) is not None:
            command = Command(f"{name}-rejoin-{world.reloads}", name, "rejoin", call)
            return self._with(world, index, page.ask(device, command), {command})
        if (call := page.lets_go(device, name)) is not None:
            command = Command(f"{name}-let_go-{call}", name, "hang_up", call)
            return self._with(world, index, page.leave(device, command, "over"), {command})
        return self._with(world, index, device)

    def _shown(self, world: World, name: str) -> list[tuple[int, Snapshot]]:
        found = ((call, self.server.shown(name, last(world, call))) for call in range(len(world.calls)))
        return [(call, shown) for call, shown in found if shown is not None]

    # --- network and steward -----------------------------------------------------------------------------

    def _network(self, world: World) -> Iterator[Move]:
        """Whatever was ever sent arrives now, for the first time or again."""
        for command in world.commands:
            yield Move(f"arrives: {command.id}", True, self.server.receive(world, command))
        for index, name in enumerate(self.names):
            device = world.devices[index]
            if not device.connected:
                continue
            for answer in world.answers:
                if device.pending and answer.command == device.pending.id:
                    words = f"{'ok' if answer.ok else 'error'} for {answer.command}"
                    yield Move(words, True, self._told(world, index, page.take_answer(device, answer, name)))
            for peer in world.peers:
                if peer.device == name and page.takes_peer(device, peer, self.guards):
                    yield Move(f"{name} takes an offer of epoch {peer.epoch} for {peer.to_epoch}", False, world)

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

    def _with(self, world: World, index: int, device: Device, sent: set[Command] | None = None) -> World:
        devices = list(world.devices)
        devices[index] = device
        return world._replace(devices=tuple(devices), commands=world.commands | (sent or set()))

    # --- where it should come to -------------------------------------------------------------------------

    def is_settled(self, world: World) -> bool:
        """Nothing is asked, nobody rings in vain, and a call goes on only where both have a connection for it."""
        for name, device in zip(self.names, world.devices, strict=True):
            if device.pending or not device.connected:
                return False
            for call, known in enumerate(device.known):
                if known and known != self.server.shown(name, last(world, call)):
                    return False
        return all(self._is_whole(world, call) for call in range(len(world.calls)))

    def _is_whole(self, world: World, call: int) -> bool:
        row = self.server.newest(world, call)
        if row is None or row.state is CallState.ENDED:
            return True
        if row.state is not CallState.ACTIVE:
            return False
        for leg in row.legs:
            if leg.device in self.scenario.pageless:
                continue
            connection = world.devices[self.names.index(leg.device or "")].connection
            if connection is None or connection.epoch != leg.epoch:
                return False
        return True
