"""Anything in any order: two servers, three people with two tabs each, and a bus that loses, repeats and reorders.

One of the three has call waiting off; they block and unblock each other, sign out, and an admin ends calls.

The switchboard, the database, the exchanges and the stewards are the real ones; the bus between the two servers is held
in the test's hand, and so is the clock. hypothesis looks for an order of commands, losses, repeats, waits and kills
that breaks one of its invariants, and shows the shortest it finds.

CI searches the same examples each time. To search on, give pytest this file and set EARSHOT_EXAMPLES=2000.
"""

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts import contacts
from accounts.models import Block, User
from calls import clock, facts, ledger, switchboard
from calls.core.errors import CallError
from calls.core.protocol import Media, Peer
from calls.core.snapshot import Facts
from calls.core.vocabulary import By, CallState, EndReason, EventName, FailureStage, Kind, LegState
from calls.device import Device
from calls.exchange import Exchange
from calls.models import Call, Leg
from calls.presence import Presence
from calls.steward import Steward
from tests.support.people import make_person

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("EARSHOT_EXAMPLES", "70"))

CHEN = 2
people = st.integers(0, CHEN)
tabs = st.integers(0, 1)
servers = st.integers(0, 1)
which = st.integers(0, 7)

# A tab: whose it is, and the id of the device.
Key = tuple[UUID, str]


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

    def rouse_steward(self, after: float) -> None:
        """It ticks when the test lets it."""


@dataclass(frozen=True)
class Sent:
    """A command: what the switchboard was asked to do, by whom, and how to ask again."""

    act: str
    person: UUID
    id: str
    do: Callable[[], UUID]


# What the rules must have brought about, or some guard was not tried. Other things come about in most searches.
WANTED = {
    EndReason.BUSY,
    EndReason.CANCELLED,
    EndReason.COMPLETED,
    EndReason.LOST,
    EndReason.MISSED,
    EndReason.REVOKED,
    EventName.MOVE,
    EventName.OCCUPIED,
    EventName.REJOIN,
    EventName.SWITCH,
    "hidden",
    "relayed",
}


class Anything(RuleBasedStateMachine):
    seen: set[str] = set()

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
        self.pages: dict[Key, tuple[Server, Page]] = {}
        self.sent: list[Sent] = []
        self.acknowledged: dict[Sent, UUID] = {}
        self.refused: set[Sent] = set()
        self.calls: list[UUID] = []
        self.read()
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

    @initialize(quarrel=st.sampled_from([None, None, (0, 1), (1, 0), (CHEN, 0)]))
    def everybody_comes(self, quarrel: tuple[int, int] | None) -> None:
        self.people = [make_person(f"p{uuid4().hex[:12]}", name=name).pk for name in ("Ana", "Ben", "Chen")]
        User.objects.filter(pk=self.people[CHEN]).update(call_waiting=False)
        for person in range(3):
            for tab in (0, 1):
                self.connect(person, tab, (person + tab) % 2)
        if quarrel:
            self.block(*quarrel)

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
        self.disconnect(key)
        page, at = Page(*key), self.servers[server]
        live = facts.load(Leg.objects.known_to(key[0]).live().values_list("call_id", flat=True))

        def come() -> None:
            at.exchange.learn(live)
            at.exchange.enter(page.device)

        self.pages[key] = (at, page)
        self.run(come)
        self.run(lambda: [at.exchange.deliver(each) for each in live])

    def disconnect(self, key: Key) -> None:
        found = self.pages.pop(key, None)
        if found is not None:
            server, page = found
            self.run(lambda: server.exchange.leave(page.device))

    def somebody_here(self, number: int) -> Key:
        return list(self.pages)[number % len(self.pages)]

    @precondition(lambda self: self.pages)
    @rule(number=which, to=people, kind=st.sampled_from(Kind), alert=st.booleans())
    def place(self, number: int, to: int, kind: Kind, alert: bool) -> None:
        key, call, callee = self.somebody_here(number), uuid4(), self.people[to]
        if key[0] != callee:
            self.calls.append(call)
            self.command(key, "place", lambda actor: switchboard.place(actor, call, callee, kind))
            for each in [each for each in self.pages if each[0] == callee and alert]:
                self.command(each, "alert", lambda actor: switchboard.alert(actor, call))

    @precondition(lambda self: len(self.pages) > 1)
    @rule(number=which, other=which, kind=st.sampled_from(Kind))
    def two_begin_to_talk(self, number: int, other: int, kind: Kind) -> None:
        """Left to chance, few calls would come far."""
        caller, callee, call = self.somebody_here(number), self.somebody_here(other), uuid4()
        if caller[0] != callee[0]:
            self.calls.append(call)
            self.command(caller, "place", lambda actor: switchboard.place(actor, call, callee[0], kind))
            self.command(callee, "accept", lambda actor: switchboard.accept(actor, call))

    @precondition(lambda self: self.pages and self.calls)
    @rule(
        number=which,
        act=st.sampled_from(["alert", "accept", "accept", "decline", "hang_up", "move", "rejoin"]),
        call=which,
    )
    def act_on(self, number: int, act: str, call: int) -> None:
        """Whether it means something or not."""
        about = self.calls[-1 - call % len(self.calls)]
        self.command(self.somebody_here(number), act, lambda actor: getattr(switchboard, act)(actor, about))

    @precondition(lambda self: self.pages)
    @rule(
        number=which,
        to=people,
        tab=tabs,
        act=st.sampled_from(["accept", "accept", "decline", "decline", "alert"]),
        after=st.sampled_from([0, 0, 0, 61]),
    )
    def somebody_who_rings(self, number: int, to: int, tab: int, act: str, after: int) -> None:
        """The same, but by one to whom it means something; if nobody rings, somebody is called first."""
        if not self.ringing:
            self.place(number, to, Kind.VOICE, alert=True)
            self.read()
        self.wait(after)
        if self.ringing:
            leg = self.ringing[number % len(self.ringing)]
            self.command(self.key(leg, tab), act, lambda actor: getattr(switchboard, act)(actor, leg.call_id))

    @precondition(lambda self: self.talking)
    @rule(number=which, act=st.sampled_from(["hang_up", "fail", "rejoin", "move"]))
    def somebody_who_talks(self, number: int, act: str) -> None:
        leg = self.talking[number % len(self.talking)]
        acts = {"fail": lambda actor, call: switchboard.hang_up(actor, call, FailureStage.ICE)}
        do = acts.get(act) or getattr(switchboard, act)
        tab = int(leg.device[-1]) ^ (act == "move")
        self.command(self.key(leg, tab), act, lambda actor: do(actor, leg.call_id))

    @precondition(lambda self: self.ringing and self.talking)
    @rule(number=which, tab=tabs, leave=which)
    def somebody_who_switches(self, number: int, tab: int, leave: int) -> None:
        """To a call that rings, from one that somebody is in: mostly the same person."""
        leg, left = self.ringing[number % len(self.ringing)], self.talking[leave % len(self.talking)]
        self.command(self.key(leg, tab), "switch", lambda actor: switchboard.accept(actor, leg.call_id, left.call_id))

    def key(self, leg: Leg, tab: int) -> Key:
        person = self.people.index(leg.user_id)  # type: ignore[arg-type]
        return leg.user_id, f"tab-{person}-{tab}"  # type: ignore[return-value]

    def command(self, key: Key, act: str, do: Callable[[switchboard.Actor], UUID]) -> None:
        if key in self.pages:
            actor = switchboard.Actor(*key, uuid4().hex[:16])
            self.server = self.pages[key][0]
            self.sent.append(Sent(act, key[0], str(actor.command), lambda: do(actor)))
            self.carry_out(len(self.sent) - 1)

    @precondition(lambda self: self.sent)
    @rule(number=st.sampled_from([0, 0, 0, 1, 2, 3, 5, 8]))
    def repeat(self, number: int) -> None:
        """Mostly the last one."""
        self.carry_out(-1 - number % len(self.sent))

    def carry_out(self, number: int) -> None:
        sent = self.sent[number]
        try:
            call = sent.do()
        except CallError as error:
            assert sent not in self.acknowledged, f"It was acknowledged, and a repeat is answered with {error.code}."
            self.refused.add(sent)
        else:
            assert self.acknowledged.setdefault(sent, call) == call
            self.refused.discard(sent)
        self.run(None)

    @rule(
        what=st.sampled_from(["a tab", "a server", "a session", "a call", "a friendship", "a quarrel"]),
        number=which,
        other=people,
        server=servers,
    )
    def ends(self, what: str, number: int, other: int, server: int) -> None:
        """What the people in the calls do not do by a command."""
        self.server = self.servers[server]
        match what:
            case "a tab" if self.pages:
                self.disconnect(self.somebody_here(number))
            case "a server":
                self.kill(server)
            case "a session" if self.talking:
                self.sign_out(self.talking[number % len(self.talking)])
            case "a call" if self.live:
                switchboard.force_end(self.live[number % len(self.live)], By.ADMIN, actor=self.people[0])
            case "a friendship" if number % 3 != other:
                self.block(number % 3, other)
            case "a quarrel":
                Block.objects.all().delete()
        self.run(None)

    def kill(self, server: int) -> None:
        """Its sockets are gone without a word, and what it had not sent; the next one knows nothing."""
        dead, self.servers[server] = self.servers[server], Server()
        self.pages = {key: (at, page) for key, (at, page) in self.pages.items() if at is not dead}
        self.server = self.servers[server]
        self.run(self.server.exchange.start())

    def block(self, owner: int, person: int) -> None:
        one, other = (User.objects.get(pk=self.people[each]) for each in (owner, person))
        contacts.set_block(one, other, True)

    def sign_out(self, leg: Leg) -> None:
        """As the steward does it of the server that holds the socket."""
        key = self.key(leg, int(leg.device[-1]))
        if key in self.pages:
            self.server, _ = self.pages[key]
            self.disconnect(key)
            switchboard.force_end_calls_of(key[0], [key[1]])

    @precondition(lambda self: self.live)
    @rule(number=which, call=which)
    def offer(self, number: int, call: int) -> None:
        """As a page does that takes the call for active, rightly or not."""
        key = self.somebody_here(number) if self.pages else None
        about = self.live[call % len(self.live)]
        legs = self.book[about].legs.all()
        mine = next((leg for leg in legs if key and leg.user_id == key[0]), None)
        other = next((leg for leg in legs if leg is not mine), None)
        if key and mine and other:
            server, page = self.pages[key]
            body = Media(microphone=True, camera=False)
            peer = Peer(call=about, to=other.pk, epoch=mine.epoch, to_epoch=other.epoch, seq=1, ack=0, body=body)

            def relay() -> None:
                try:
                    server.exchange.relay(page.device, peer)
                except CallError:
                    pass

            self.run(relay)

    @precondition(lambda self: any(server.bus.posted for server in self.servers))
    @rule(server=servers, number=which, then=st.sampled_from(["arrives", "arrives and stays", "is lost"]))
    def bus(self, server: int, number: int, then: str) -> None:
        posted, other = self.servers[server].bus.posted, self.servers[1 - server]
        if posted:
            index = number % len(posted)
            news = posted[index] if then == "arrives and stays" else posted.pop(index)
            if then != "is lost":
                self.run(lambda: other.bus.take(news))

    @precondition(lambda self: self.live)
    @rule(seconds=st.sampled_from([1, 1, 6, 29, 61]))
    def wait(self, seconds: int) -> None:
        """No silence, after which leases would be spared: a steward that holds nothing has looked meanwhile."""
        self.now += timedelta(seconds=seconds)
        for server in self.servers:
            server.steward._swept_at = None

    @rule(server=servers)
    def tick(self, server: int) -> None:
        """The steward's, with everything it does off the loop and on it."""
        self.server = self.servers[server]
        steward = self.server.steward
        found = steward._work(steward._roster())
        self.run(None)
        self.run(lambda: [steward._exchange.deliver(each) for each in found.calls])

    # --- what holds --------------------------------------------------------------------------------------

    @invariant()
    def every_call_is_whole(self) -> None:
        self.read()
        joined: list[UUID | None] = []
        for call in self.book.values():
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
            self.seen |= {*(entry.event for entry in journal), call.end_reason}
        assert len(joined) == len(set(joined))
        shown = [self.book[id_].legs.all() for id_ in self.live]
        pairs = [frozenset(leg.user_id for leg in legs) for legs in shown if not any(leg.hidden for leg in legs)]
        assert len(pairs) == len(set(pairs))

    def read(self) -> None:
        """All calls with their legs and journal, and what of them is live, in the order in which they were placed."""
        found = {call.pk: call for call in Call.objects.prefetch_related("legs", "journal")}
        self.book = {id_: found[id_] for id_ in self.calls if id_ in found}
        assert len(self.book) == len(found)
        self.live = [id_ for id_, call in self.book.items() if call.state != CallState.ENDED]
        legs = [leg for id_ in self.live for leg in sorted(self.book[id_].legs.all(), key=lambda leg: leg.role)]
        self.ringing = [leg for leg in legs if leg.state == LegState.RINGING and not leg.hidden]
        self.talking = [leg for leg in legs if leg.state == LegState.JOINED]

    @invariant()
    def who_wants_no_second_call_is_not_rung_while_in_one(self) -> None:
        if any(leg.user_id == self.people[CHEN] for leg in self.talking):
            assert not [leg for leg in self.ringing if leg.user_id == self.people[CHEN]]

    @invariant()
    def nothing_acknowledged_is_lost_and_nothing_refused_is_done(self) -> None:
        """A second alert changes nothing and has no row in the journal; but then the leg has been alerted."""
        kept = {entry.command: call.pk for call in self.book.values() for entry in call.journal.all() if entry.command}
        legs = {(leg.user_id, leg.call_id): leg for call in self.book.values() for leg in call.legs.all()}
        for sent, call in self.acknowledged.items():
            leg = legs.get((sent.person, call))
            assert leg is not None and not leg.hidden, sent
            if kept.get(sent.id) != call:
                assert sent.id not in kept and sent.act == "alert" and leg.alerted_at is not None, sent
        for sent in self.refused:
            assert sent.id not in kept, sent
        self.seen |= {"hidden" for leg in legs.values() if leg.hidden}

    @invariant()
    def no_page_is_shown_the_past_or_a_strangers_call(self) -> None:
        for (person, _), (_, page) in self.pages.items():
            for call, revs in page.revs.items():
                assert revs == sorted(set(revs)), f"{revs} of one call on one socket"
                assert any(leg.user_id == person and not leg.hidden for leg in self.book[UUID(call)].legs.all())
            for message in page.peers:
                assert self.book[UUID(message["call"])].answered_at is not None
                self.seen.add("relayed")

    def everything_comes_to_an_end(self) -> None:
        for server in (0, 1):
            self.tick(server)
        for server in (0, 1):
            self.tick(server)
        self.every_page_shows_what_is()
        for key in list(self.pages):
            self.disconnect(key)
        for _ in range(2):
            self.wait(seconds=120)
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


@pytest.mark.usefixtures("alone")
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
    assert EXAMPLES < 70 or Anything.seen >= WANTED, f"Never seen: {WANTED - Anything.seen}"
