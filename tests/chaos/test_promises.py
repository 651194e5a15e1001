"""What the chaos would say of a run that went wrong: each promise is found broken when it is."""

from uuid import UUID, uuid4

import pytest

from calls import switchboard
from calls.core.vocabulary import By, EventName, Kind, LegState
from calls.ledger import Actor
from calls.models import Call, JournalEntry, Leg
from tests.support.people import make_person

from .promises import (
    ANSWERED_WITHIN_SECONDS,
    GOT_WITHIN_SECONDS,
    KNOWN_WITHIN_SECONDS,
    POSTGRES_RETURN_SECONDS,
    REDIS_RETURN_SECONDS,
    Promise,
    Weather,
    promises,
)
from .proxy import How, Outage
from .records import Answer, Break, Life, Records, Ring, Stream, StreamKey, Wait
from .stack import Absence

pytestmark = pytest.mark.django_db

ADDRESS, OTHER_ADDRESS = "127.1.0.1", "127.1.0.2"
DEVICE = "ana-device-of-the-test"


@pytest.fixture
def call() -> Call:
    """Ana called Ben, who was not there: placed by the command "c1"."""
    ana, ben = make_person("ana"), make_person("ben")
    call_id = switchboard.place(Actor(ana.pk, DEVICE, "c1"), uuid4(), ben.pk, Kind.VOICE)
    return Call.objects.get(pk=call_id)


def person(call: Call, role: str) -> UUID:
    found = call.legs.get(role=role).user_id
    assert found is not None
    return found


def life(*connected: tuple[float, float], person: UUID | None = None, address: str = ADDRESS) -> Life:
    return Life(str(person), address, list(connected))


def look(
    name: str,
    records: Records | None = None,
    outages: list[Outage] | None = None,
    redis_away: list[Absence] | None = None,
    postgres_away: list[Absence] | None = None,
) -> Promise:
    weather = Weather({ADDRESS: outages or []}, redis_away or [], postgres_away or [], outlived=20)
    found = promises(records or Records(), weather, leaving_seconds=[])
    return next(each for each in found if each.name.startswith(name))


class TestEndings:
    def test_a_call_that_ended_once_is_well(self, call: Call) -> None:
        told = Records(endings={(str(call.pk), "unavailable")})
        assert look("calls without exactly one ending", told).kept

    def test_a_call_that_goes_on_is_found(self, call: Call) -> None:
        Call.objects.update(state="active", ended_at=None, end_reason="")
        assert not look("calls without exactly one ending").kept

    def test_a_leg_that_goes_on_is_found(self, call: Call) -> None:
        Leg.objects.filter(role="caller").update(state=LegState.JOINED, ended_at=None)
        assert not look("calls without exactly one ending").kept

    def test_a_device_that_was_told_another_reason_is_found(self, call: Call) -> None:
        told = Records(endings={(str(call.pk), "completed")})
        assert not look("calls without exactly one ending", told).kept

    def test_a_call_that_only_a_device_knows_is_found(self, call: Call) -> None:
        told = Records(endings={(str(uuid4()), "completed")})
        assert not look("calls without exactly one ending", told).kept

    def test_a_hole_in_the_journal_is_found(self, call: Call) -> None:
        JournalEntry.objects.filter(event=EventName.SETTLE).delete()
        assert not look("calls without exactly one ending").kept

    def test_a_second_ending_in_the_journal_is_found(self, call: Call) -> None:
        leg = call.legs.get(role="callee")
        assert call.ended_at is not None
        JournalEntry.objects.create(
            call=call, leg=leg, rev=call.rev + 1, at=call.ended_at, event=EventName.TIME_OUT, before=LegState.RINGING,
            after=LegState.MISSED, by=By.STEWARD,
        )  # fmt: skip
        assert not look("calls without exactly one ending").kept


class TestCommands:
    def test_one_that_was_acknowledged_and_is_there_is_well(self, call: Call) -> None:
        answer = Answer(str(person(call, "caller")), "c1", "call.place", str(call.pk), None)
        assert look("commands acknowledged and lost", Records(answers=[answer])).kept

    @pytest.mark.parametrize("other", [{"command": "c2"}, {"call": str(uuid4())}])
    def test_one_that_was_acknowledged_and_is_not_there_is_found(self, call: Call, other: dict[str, str]) -> None:
        about = {"person": str(person(call, "caller")), "command": "c1", "call": str(call.pk), **other}
        answer = Answer(type="call.place", code=None, **about)
        assert not look("commands acknowledged and lost", Records(answers=[answer])).kept

    def test_a_second_alert_has_the_effect_of_the_first(self, call: Call) -> None:
        answer = Answer(str(person(call, "callee")), "c3", "call.alert", str(call.pk), None)
        assert not look("commands acknowledged and lost", Records(answers=[answer])).kept
        Leg.objects.filter(role="callee").update(alerted_at=call.placed_at)
        assert look("commands acknowledged and lost", Records(answers=[answer])).kept

    def test_one_that_was_refused_and_is_there_is_found(self, call: Call) -> None:
        answer = Answer(str(person(call, "caller")), "c1", "call.place", str(call.pk), "wrong_state")
        assert not look("commands refused and yet done", Records(answers=[answer])).kept

    def test_one_that_was_never_answered_is_found(self) -> None:
        assert not look("commands never answered", Records(unanswered=["call.place c9 of ana"])).kept

    def waited(self, seconds: float, **weather: list[Outage] | list[Absence]) -> bool:
        records = Records(waits=[Wait(DEVICE, "call.place c9", 100, 100 + seconds)], lives={DEVICE: life((0, 200))})
        return not look("commands not answered", records, **weather).kept  # type: ignore[arg-type]

    def test_one_that_waited_for_long_on_a_socket_is_found(self) -> None:
        assert self.waited(ANSWERED_WITHIN_SECONDS + 0.1)
        assert not self.waited(ANSWERED_WITHIN_SECONDS - 0.1)

    def test_not_one_that_waited_for_its_link_or_for_postgresql(self) -> None:
        assert not self.waited(ANSWERED_WITHIN_SECONDS + 5, outages=[Outage(90, 110, How.DEAF)])
        back = 110 - POSTGRES_RETURN_SECONDS
        assert not self.waited(ANSWERED_WITHIN_SECONDS + 5, postgres_away=[Absence(90, back)])
        assert self.waited(ANSWERED_WITHIN_SECONDS + 15, postgres_away=[Absence(90, back)])


class TestRings:
    """The ring was over when the call ended; the device showed it for 15 s more."""

    def records(self, call: Call) -> tuple[Records, float]:
        assert call.ended_at is not None
        over = call.ended_at.timestamp()
        ring = Ring(DEVICE, str(person(call, "callee")), str(call.pk), over - 5, over + 15)
        return Records(rings=[ring], lives={DEVICE: life((over - 10, over + 60))}), over

    def test_one_that_went_on_is_found(self, call: Call) -> None:
        records, _ = self.records(call)
        assert not look("rings that outlived", records).kept

    def test_what_a_device_without_a_socket_shows_does_not_count(self, call: Call) -> None:
        records, over = self.records(call)
        records.lives[DEVICE].connected = [(over - 10, over + 2), (over + 9, over + 60)]
        assert look("rings that outlived", records).kept

    def test_nor_what_a_device_shows_whose_link_is_broken(self, call: Call) -> None:
        records, over = self.records(call)
        assert look("rings that outlived", records, [Outage(over + 1, over + 11, How.STALLED)]).kept


class TestResumes:
    """Ana's leg was given up while the call went on."""

    @pytest.fixture
    def lost(self, call: Call) -> float:
        leg = call.legs.get(role="caller")
        assert call.ended_at is not None
        call.answered_at = call.placed_at
        call.save()
        JournalEntry.objects.create(
            call=call, leg=leg, rev=call.rev, at=call.ended_at, event=EventName.LOSE, before=LegState.JOINED,
            after=LegState.LOST, by=By.STEWARD,
        )  # fmt: skip
        return call.ended_at.timestamp()

    def records(self, at: float) -> Records:
        return Records(lives={DEVICE: life((at - 3600, at - 30))})

    def test_one_that_was_away_for_a_short_time_is_found(self, lost: float) -> None:
        assert not look("resumes", self.records(lost), [Outage(lost - 30, lost - 11, How.CUT)]).kept

    def test_one_that_was_away_for_long_does_not_count(self, lost: float) -> None:
        assert look("resumes", self.records(lost), [Outage(lost - 30, lost - 5, How.CUT)]).kept

    def test_nor_one_whose_tab_was_closed(self, lost: float) -> None:
        records = self.records(lost)
        records.lives[DEVICE].closed = lost - 30
        assert look("resumes", records).kept

    def test_one_in_a_hundred_may_fail(self, lost: float) -> None:
        records = self.records(lost)
        records.breaks = [Break(DEVICE, str(uuid4()), lost - 200, lost - 199, alive=True) for _ in range(99)]
        assert look("resumes", records).kept
        records.breaks.pop()
        assert not look("resumes", records).kept


class TestUnavailable:
    """Ben was called at `placed`, and the call ended as unavailable."""

    @pytest.fixture
    def placed(self, call: Call) -> float:
        return call.placed_at.timestamp()

    def on_line(self, call: Call, since: float, until: float) -> Records:
        return Records(lives={DEVICE: life((since, until), person=person(call, "callee"))})

    def look(self, records: Records, **weather: list[Outage] | list[Absence]) -> Promise:
        return look("calls to somebody on line", records, **weather)  # type: ignore[arg-type]

    def test_who_was_on_line_for_long_enough_is_found(self, call: Call, placed: float) -> None:
        found = self.look(self.on_line(call, placed - KNOWN_WITHIN_SECONDS - 0.1, placed + 0.1))
        assert (found.kept, found.measured) == (False, 1)

    def test_who_has_just_come_does_not_count(self, call: Call, placed: float) -> None:
        found = self.look(self.on_line(call, placed - KNOWN_WITHIN_SECONDS + 0.1, placed + 0.1))
        assert (found.kept, found.measured) == (True, 0)

    def test_nor_who_has_gone(self, call: Call, placed: float) -> None:
        assert self.look(self.on_line(call, placed - 60, placed - 0.1)).kept

    def test_nor_whose_link_is_broken(self, call: Call, placed: float) -> None:
        cut = Outage(placed - 1, placed + 1, How.STALLED)
        assert self.look(self.on_line(call, placed - 60, placed + 60), outages=[cut]).kept

    def test_nor_anybody_until_redis_is_back_and_read(self, call: Call, placed: float) -> None:
        records, back = (
            self.on_line(call, placed - 60, placed + 60),
            placed - KNOWN_WITHIN_SECONDS - REDIS_RETURN_SECONDS,
        )
        assert self.look(records, redis_away=[Absence(back - 9, back + 0.1)]).kept
        assert not self.look(records, redis_away=[Absence(back - 9, back - 0.1)]).kept

    def test_another_ending_is_well(self, call: Call, placed: float) -> None:
        Call.objects.update(end_reason="missed")
        found = self.look(self.on_line(call, placed - 60, placed + 60))
        assert (found.kept, found.measured) == (True, 1)


class TestPeerMessages:
    """Two devices had a stream to each other from 0 to 100 s, and one of them said something after 10 s."""

    KEY = StreamKey("call", "leg-a", "leg-b", 1, 1)

    def records(self, got: list[float], connected: tuple[float, float] = (0, 100), closed: float = 100) -> Records:
        streams = [
            Stream(self.KEY, DEVICE, 0, closed, posted=[10]),
            Stream(self.KEY.back, "the-other-device", 0, 100, got=got),
        ]
        lives = {DEVICE: life((0, 100)), "the-other-device": life(connected, address=OTHER_ADDRESS)}
        return Records(streams=streams, lives=lives)

    def lost(self, records: Records, **weather: list[Outage] | list[Absence]) -> bool:
        return not look("peer messages that were lost", records, **weather).kept  # type: ignore[arg-type]

    def test_one_that_was_got_soon_is_well(self) -> None:
        assert not self.lost(self.records(got=[10 + GOT_WITHIN_SECONDS - 0.1]))

    @pytest.mark.parametrize("got", [[], [10 + GOT_WITHIN_SECONDS + 0.1]])
    def test_one_that_was_got_late_or_not_at_all_is_found(self, got: list[float]) -> None:
        assert self.lost(self.records(got))

    def test_there_must_have_been_time(self) -> None:
        assert not self.lost(self.records(got=[], connected=(0, 10 + GOT_WITHIN_SECONDS - 0.1)))
        assert not self.lost(self.records(got=[], closed=10 + GOT_WITHIN_SECONDS - 0.1))
        assert not self.lost(self.records(got=[]), outages=[Outage(15, 95, How.STALLED)])
        there = Absence(0, 15 - REDIS_RETURN_SECONDS), Absence(14 + GOT_WITHIN_SECONDS, 95)
        assert not self.lost(self.records(got=[]), redis_away=list(there))

    def test_one_that_went_astray_is_found(self) -> None:
        assert not look("peer messages that went astray", Records(astray=["call … at …: ended"])).kept


def test_every_device_must_come_back() -> None:
    assert not look("devices that did not come back", Records(missing=[DEVICE])).kept


def test_no_device_may_be_told_not_to_come_back() -> None:
    assert not look("devices told not to come back", Records(turned_away=[4502])).kept
