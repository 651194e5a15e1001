"""Anything in any order: two servers, three people with two tabs each, and a bus that loses, repeats and reorders.

The switchboard, the database, the exchanges and the stewards are the real ones; the bus between the two servers is held
in the test's hand, and so is the clock. hypothesis looks for an order of commands, losses, repeats, waits and kills
that breaks an invariant of DESIGN.md section 7, and shows the shortest it finds.

CI searches the same examples each time. To search on, give pytest this file and set EARSHOT_EXAMPLES=2000.
"""

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.models import User
from calls import clock, facts, ledger, switchboard
from calls.core.errors import CallError
from calls.core.protocol import Media, Peer
from calls.core.snapshot import Facts
from calls.core.vocabulary import CallState, Kind, LegState
from calls.device import Device
from calls.exchange import Exchange
from calls.models import Call, JournalEntry, Leg
from calls.presence import Presence
from calls.steward import Steward
from tests.support.people import make_person

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("EARSHOT_EXAMPLES", "150"))

people = st.integers(0, 2)
tabs = st.integers(0, 1)
servers = st.integers(0, 1)
which = st.integers(0, 7)


class Bus:
    """What one server posts, until the test lets the other take it."""

    def __init__(self) -> None:
        self.posted: list[Any] = []
        self.take: Callable[[Any], None] = lambda news: None

    async def start(self, take: Callable[[Any], None]) -> None:
        self.take = take

    def post(self, news: Any) -> None:
        self.posted.append(news)


class Server:
    def __init__(self) -> None:
        self.bus = Bus()
        self.exchange = Exchange(Presence(""), self.bus)  # type: ignore[arg-type]
        self.steward = Steward(self.exchange)
        self.steward._lose_from = 0


class Page:
    """The socket of one tab, and what it was told by it."""

    def __init__(self, person: UUID, tab: str) -> None:
        self.device = Device(str(person), tab, "session", self._take)
        self.revs: dict[str, list[int]] = defaultdict(list)
        self.calls: dict[str, dict[str, Any]] = {}
        self.peers: list[dict[str, Any]] = []

    async def _take(self, event: dict[str, Any]) -> None:
        message = json.loads(event["text"]) if "text" in event else {}
        if message.get("type") == "call":
            call = message["call"]
            self.revs[call["id"]].append(call["rev"])
            self.calls[call["id"]] = call
        elif message.get("type") == "peer":
            self.peers.append(message)


class Front:
    """In place of the process's exchange: the server that carries out the command at hand."""

    def __init__(self, machine: "Anything") -> None:
        self._machine = machine

    def publish(self, news: Facts) -> None:
        self._machine.server.exchange.publish(news)

    def is_reachable(self, person: UUID) -> bool:
        return any(key[0] == person for key in self._machine.pages)


class Anything(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.loop = asyncio.Runner()
        self.now = timezone.now()
        self.patch.setattr(clock, "now", lambda: self.now)
        for module in (switchboard, ledger):
            self.patch.setattr(module, "exchange", Front(self))
        self.servers = [Server(), Server()]
        self.server = self.servers[0]
        self.pages: dict[tuple[UUID, str], tuple[Server, Page]] = {}
        self.sent: list[tuple[str, Callable[[], UUID]]] = []
        self.acknowledged: dict[str, UUID] = {}
        self.calls: list[UUID] = []
        for server in self.servers:
            self.run(server.exchange.start())

    def run(self, work: Any) -> Any:
        """On the loop; then whatever it has set going."""

        async def all_of_it() -> Any:
            result = await work if asyncio.iscoroutine(work) else work() if work else None
            await asyncio.sleep(0)
            for _, page in list(self.pages.values()):
                await page.device.flushed()
            return result

        return self.loop.run(all_of_it())

    @initialize()
    def everybody_comes(self) -> None:
        self.people = [make_person(f"p{uuid4().hex[:12]}", name=name).pk for name in ("Ana", "Ben", "Chen")]
        for number, person in enumerate(self.people):
            self.connect(number, 0, number % 2)
            assert User.objects.filter(pk=person).exists()

    def teardown(self) -> None:
        try:
            if hasattr(self, "people"):
                self.everything_comes_to_an_end()
        finally:
            Call.objects.all().delete()
            User.objects.all().delete()
            self.patch.undo()
            self.loop.close()

    # --- what happens ------------------------------------------------------------------------------------

    @rule(person=people, tab=tabs, server=servers)
    def connect(self, person: int, tab: int, server: int) -> None:
        key = (self.people[person], f"tab-{person}-{tab}")
        self.vanish(person, tab)
        page, at = Page(*key), self.servers[server]
        live = facts.load(Leg.objects.known_to(key[0]).live().values_list("call_id", flat=True))

        def come() -> None:
            at.exchange.learn(live)
            at.exchange.enter(page.device)

        self.pages[key] = (at, page)
        self.run(come)
        self.run(lambda: [at.exchange.deliver(each) for each in live])

    @rule(person=people, tab=tabs)
    def vanish(self, person: int, tab: int) -> None:
        found = self.pages.pop((self.people[person], f"tab-{person}-{tab}"), None)
        if found is not None:
            server, page = found
            self.run(lambda: server.exchange.leave(page.device))

    @rule(person=people, tab=tabs, to=people, kind=st.sampled_from(Kind))
    def place(self, person: int, tab: int, to: int, kind: Kind) -> None:
        if person != to:
            call, callee = uuid4(), self.people[to]
            self.calls.append(call)
            self.command(person, tab, lambda actor: switchboard.place(actor, call, callee, kind))

    @rule(
        person=people,
        tab=tabs,
        act=st.sampled_from(["alert", "accept", "accept", "decline", "hang_up", "move", "rejoin"]),
        call=which,
    )
    def act_on(self, person: int, tab: int, act: str, call: int) -> None:
        if self.calls:
            about = self.calls[-1 - call % len(self.calls)]
            self.command(person, tab, lambda actor: getattr(switchboard, act)(actor, about))

    @rule(
        number=which,
        tab=tabs,
        act=st.sampled_from(["accept", "accept", "decline", "alert"]),
        after=st.sampled_from([0, 0, 61]),
    )
    def somebody_who_rings(self, number: int, tab: int, act: str, after: int) -> None:
        """The same, but by one to whom it means something: left to chance, few calls would come far."""
        ringing = Leg.objects.filter(state=LegState.RINGING, user__isnull=False).order_by("call__placed_at", "pk")
        self.wait(after)
        if legs := list(ringing):
            leg = legs[number % len(legs)]
            person = self.people.index(leg.user_id)  # type: ignore[arg-type]
            self.command(person, tab, lambda actor: getattr(switchboard, act)(actor, leg.call_id))

    @rule(number=which, act=st.sampled_from(["hang_up", "rejoin", "move"]))
    def somebody_who_talks(self, number: int, act: str) -> None:
        if legs := list(Leg.objects.joined().filter(user__isnull=False).order_by("joined_at", "pk")):
            leg = legs[number % len(legs)]
            person = self.people.index(leg.user_id)  # type: ignore[arg-type]
            tab = int(leg.device[-1]) ^ (act == "move")
            self.command(person, tab, lambda actor: getattr(switchboard, act)(actor, leg.call_id))

    @rule(person=people, tab=tabs, call=which, leave=which)
    def switch(self, person: int, tab: int, call: int, leave: int) -> None:
        if self.calls:
            to, left = (self.calls[-1 - each % len(self.calls)] for each in (call, leave))
            self.command(person, tab, lambda actor: switchboard.accept(actor, to, left))

    def command(self, person: int, tab: int, do: Callable[[switchboard.Actor], UUID]) -> None:
        who, device = self.people[person], f"tab-{person}-{tab}"
        if (who, device) not in self.pages:
            return
        actor = switchboard.Actor(who, device, uuid4().hex[:16])
        self.server = self.pages[who, device][0]
        self.sent.append((str(actor.command), lambda: do(actor)))
        self.carry_out(len(self.sent) - 1)

    @rule()
    def repeat_the_last(self) -> None:
        self.repeat(0)

    @rule(number=which)
    def repeat(self, number: int) -> None:
        if self.sent:
            self.carry_out(-1 - number % len(self.sent))

    def carry_out(self, number: int) -> None:
        id_, do = self.sent[number]
        try:
            call = do()
        except CallError as error:
            assert id_ not in self.acknowledged, f"It was acknowledged, and a repeat is answered with {error.code}."
        else:
            assert self.acknowledged.setdefault(id_, call) == call
        self.run(None)

    @rule(person=people, tab=tabs, call=which)
    def offer(self, person: int, tab: int, call: int) -> None:
        """As a page does that takes the call for active, rightly or not."""
        key = (self.people[person], f"tab-{person}-{tab}")
        if key not in self.pages or not self.calls:
            return
        server, page = self.pages[key]
        about = self.calls[-1 - call % len(self.calls)]
        mine = Leg.objects.filter(call=about, user=key[0]).first()
        other = Leg.objects.filter(call=about).exclude(user=key[0]).first()
        if mine and other:
            body = Media(microphone=True, camera=False)
            peer = Peer(call=about, to=other.pk, epoch=mine.epoch, to_epoch=other.epoch, seq=1, ack=0, body=body)

            def relay() -> None:
                try:
                    server.exchange.relay(page.device, peer)
                except CallError:
                    pass

            self.run(relay)

    @rule(server=servers, number=which, then=st.sampled_from(["arrives", "arrives and stays", "is lost"]))
    def bus(self, server: int, number: int, then: str) -> None:
        posted, other = self.servers[server].bus.posted, self.servers[1 - server]
        if posted:
            index = number % len(posted)
            news = posted[index] if then == "arrives and stays" else posted.pop(index)
            if then != "is lost":
                self.run(lambda: other.bus.take(news))

    @rule(seconds=st.sampled_from([1, 29, 61, 61]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(server=servers)
    def tick(self, server: int) -> None:
        """The steward's, with everything it does off the loop and on it."""
        self.server = self.servers[server]
        steward = self.server.steward
        found = steward._work(steward._roster())
        self.run(None)
        self.run(lambda: [steward._exchange.deliver(each) for each in found.calls])

    @rule(server=servers)
    def kill(self, server: int) -> None:
        """Its sockets are gone without a word, and what it had not sent; the next one knows nothing."""
        dead, self.servers[server] = self.servers[server], Server()
        self.pages = {key: (at, page) for key, (at, page) in self.pages.items() if at is not dead}
        self.server = self.servers[server]
        self.run(self.server.exchange.start())

    # --- what holds --------------------------------------------------------------------------------------

    @invariant()
    def every_call_is_whole(self) -> None:
        joined: list[UUID] = []
        for call in Call.objects.prefetch_related("legs", "journal"):
            legs, journal = list(call.legs.all()), sorted(call.journal.all(), key=lambda entry: entry.pk)
            ended = call.state == CallState.ENDED
            assert (call.ended_at is not None) == ended == bool(call.end_reason)
            assert not ended or not any(LegState(leg.state).live for leg in legs)
            revs = [entry.rev for entry in journal]
            # What is decided at once when it is placed is written at once, as the second revision.
            assert revs == sorted(revs) and set(revs) == set(range(revs[0], call.rev + 1)) and revs[0] <= 2
            for leg in legs:
                assert [entry.after for entry in journal if entry.leg_id == leg.pk][-1] == leg.state
                joined += [leg.user_id] if leg.state == LegState.JOINED else []
            if call.answered_at:
                accepted = next(entry for entry in journal if entry.event == "accept")
                assert accepted.at < call.ring_expires_at
        assert len(joined) == len(set(joined))
        live = [frozenset(call.legs.values_list("user", flat=True)) for call in Call.objects.live()]
        assert len(live) == len(set(live))

    @invariant()
    def nothing_acknowledged_is_lost(self) -> None:
        kept = dict(JournalEntry.objects.exclude(command=None).values_list("command", "call"))
        for command, call in self.acknowledged.items():
            assert kept.get(command, call) == call
            assert Call.objects.filter(pk=call).exists()

    @invariant()
    def no_page_is_shown_the_past_or_a_strangers_call(self) -> None:
        for (person, _), (_, page) in self.pages.items():
            for call, revs in page.revs.items():
                assert revs == sorted(set(revs)), f"{revs} of one call on one socket"
                assert Leg.objects.filter(call=call, user=person).exists()
            for message in page.peers:
                assert Call.objects.get(pk=message["call"]).answered_at is not None

    def everything_comes_to_an_end(self) -> None:
        for server in (0, 1):
            self.tick(server)
        for server in (0, 1):
            self.tick(server)
        self.every_page_shows_what_is()
        for person in range(3):
            for tab in (0, 1):
                self.vanish(person, tab)
        for _ in range(2):
            self.now += timedelta(seconds=120)
            self.tick(0)
        self.every_call_is_whole()
        assert not Call.objects.live().exists()

    def every_page_shows_what_is(self) -> None:
        """After a tick of each server, whatever the bus has lost."""
        for (person, _), (_, page) in self.pages.items():
            for leg in Leg.objects.known_to(person).select_related("call"):
                shown = page.calls.get(str(leg.call_id))
                if leg.call.state != CallState.ENDED or shown is not None:
                    assert shown is not None
                    mine = next(each for each in shown["legs"] if each["id"] == str(leg.pk))
                    assert (shown["rev"], shown["state"], mine["state"], mine["epoch"]) == (
                        leg.call.rev,
                        leg.call.state,
                        leg.state,
                        leg.epoch,
                    )


def test_no_order_of_things_breaks_a_call(transactional_db: None) -> None:
    run_state_machine_as_test(
        Anything,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=40,
            deadline=None,
            derandomize="EARSHOT_EXAMPLES" not in os.environ,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
