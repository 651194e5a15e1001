"""What networks do to a call, and what its people see (docs/networks.md).

`./test tests/browser/test_networks.py -s` prints the figures of the table there. A sign's limit is about twice its
figure, so that a machine with other work keeps it and a regression does not.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser, Playwright, expect

from accounts.models import User
from calls.models import Call
from tests.browser.conftest import ANAS_TONE, AUTOPLAY, BENS_TONE, FLAGS
from tests.browser.desk import Desk, Look
from tests.support import air
from tests.support.people import session_of
from tests.support.server import Server
from tests.support.wait import until

pytestmark = pytest.mark.skipif(bool(air.possible()), reason=air.possible())

RECONNECTING = "Reconnecting…"
OVER = "The connection broke off"
TOLD = 10  # seconds
HERTZ_TOLERANCE = 30

# A page waits for a random part of the time between two tries; here for all of it.
FULL_JITTER = "Math.random = () => 0.999;"


@pytest.fixture(scope="module")
def between() -> Iterator[air.Air]:
    made = air.Air(["ana", "ben"])
    yield made
    made.close()


@pytest.fixture(scope="module")
def far_server(between: air.Air, django_db_setup: None, django_db_blocker: object) -> Iterator[Server]:
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        running = Server(host=air.SERVER).start()
    yield running
    running.kill()


@pytest.fixture
def far_desks(
    between: air.Air,
    far_server: Server,
    people: SimpleNamespace,
    media: SimpleNamespace,
    playwright_: Playwright,
    tmp_path: Path,
) -> Iterator[SimpleNamespace]:
    """Ana and Ben, each in a network of their own, in a call with pictures both ways."""
    browsers: list[Browser] = []
    between.clear()

    def open_in(name: str, user: User, flags: list[str]) -> Desk:
        wrapper = tmp_path / f"chromium-{name}"
        wrapper.write_text(between.run_in(name, "/usr/bin/chromium"))
        wrapper.chmod(0o755)
        secure = f"--unsafely-treat-insecure-origin-as-secure={far_server.origin}"
        browser = playwright_.chromium.launch(executable_path=wrapper, args=[*FLAGS, *flags, AUTOPLAY, secure])
        browsers.append(browser)
        context = browser.new_context(base_url=far_server.origin, locale="en-GB")
        context.add_cookies([{"name": "earshot", "value": session_of(user), "url": far_server.origin}])
        context.add_init_script(FULL_JITTER)
        return Desk(context, user).open()

    ana, ben = open_in("ana", people.ana, media.ana), open_in("ben", people.ben, media.ben)
    ana.call(ben)
    ben.ring(ana).get_by_role("button", name="Accept", exact=True).click()
    until(lambda: ana.frames() > 15 and ben.frames() > 15, "pictures both ways")
    yield SimpleNamespace(ana=ana, ben=ben)
    for browser in browsers:
        browser.close()


@dataclass
class Seat:
    """One side of the call: what it should hear, and whether it is its network that something happens to."""

    desk: Desk
    tone: int
    hit: bool


# Whether a sign is seen at a seat; `then` is how it was when the wait for it began.
SIGNS: dict[str, Callable[[Seat, Look, Look], bool]] = {
    "told": lambda seat, then, now: RECONNECTING in now.says,
    "over": lambda seat, then, now: OVER in now.says,
    "picture": lambda seat, then, now: now.frames > then.frames,
    "pictures_150": lambda seat, then, now: now.frames > then.frames + 150,
    "sound": lambda seat, then, now: abs(now.hertz - seat.tone) < HERTZ_TOLERANCE,
    "page": lambda seat, then, now: RECONNECTING not in now.says,
    "socket": lambda seat, then, now: now.heard > then.heard or not seat.hit,
    "not_good": lambda seat, then, now: any(f"Direct · {word}" in now.says for word in ("fair", "poor")),
    "poor": lambda seat, then, now: "Direct · poor" in now.says,
}


class Watch:
    """Looks at both pages, again and again, and gives each sign a time of its own: seconds since `began`."""

    def __init__(self, what: str, desks: SimpleNamespace, began: float | None = None) -> None:
        self.what, self.began = what, monotonic() if began is None else began
        self._seats = [Seat(desks.ana, BENS_TONE, True), Seat(desks.ben, ANAS_TONE, False)]
        self.reconnecting = False
        """Whether either page has said so at any look."""

    def until(self, **within: float) -> None:
        """Wait until each sign has been seen at both seats, none of them later than its seconds; then print when."""
        then = [seat.desk.look() for seat in self._seats]
        seen: dict[tuple[str, int], float] = {}
        while len(seen) < len(within) * len(self._seats):
            looks = [seat.desk.look() for seat in self._seats]
            at = monotonic() - self.began
            self.reconnecting |= any(RECONNECTING in look.says for look in looks)
            for sign, limit in within.items():
                for number, seat in enumerate(self._seats):
                    if SIGNS[sign](seat, then[number], looks[number]):
                        seen.setdefault((sign, number), at)
                    late = (sign, number) not in seen and at > limit
                    assert not late, f"{self.what}: no {sign} after {at:.1f} s: {looks[number]}"
            sleep(0.1)
        marks = {sign: [seen[sign, number] for number in range(len(self._seats))] for sign in within}
        text = ", ".join(f"{sign} {' and '.join(f'{at:.1f}' for at in times)} s" for sign, times in marks.items())
        sys.stdout.write(f"\n{self.what}: {text}\n")


@pytest.mark.parametrize("seconds", [5, 20])
def test_after_a_cut_it_is_the_same_call(between: air.Air, far_desks: SimpleNamespace, seconds: int) -> None:
    whole_again = between.cut("ana", seconds)
    Watch(f"a cut of {seconds} s", far_desks, whole_again - seconds).until(told=TOLD)
    if seconds == 20:
        expect(far_desks.ana.page.get_by_text("Reconnecting to the server…")).to_be_visible()
        expect(far_desks.ben.page.locator("#connection-bar")).to_be_hidden()
    Watch(f"after a cut of {seconds} s", far_desks, whole_again).until(picture=10, sound=6, page=6, socket=8)
    assert Call.objects.get().state == "active"


def test_after_a_cut_of_a_minute_both_are_told_that_it_is_over(between: air.Air, far_desks: SimpleNamespace) -> None:
    whole_again = between.cut("ana", 60)
    Watch("a cut of 60 s", far_desks, whole_again - 60).until(told=TOLD, over=50)
    Watch("after a cut of 60 s", far_desks, whole_again).until(socket=20)
    for desk in (far_desks.ana, far_desks.ben):
        desk.says("Look to your network, then call again.")
    assert Call.objects.get().state == "ended"
    far_desks.ana.sees_on_line(far_desks.ben)


def test_with_the_cable_back_it_is_the_same_call_at_once(between: air.Air, far_desks: SimpleNamespace) -> None:
    pulled = Watch("the cable is out", far_desks)
    between.unplug("ana")
    pulled.until(told=TOLD)
    # Then a page that does not hear the browser's `online` has just tried, and tries again five seconds later or more.
    until(lambda: monotonic() > pulled.began + 13, "the moment to put it back")
    plugged = Watch("the cable is back", far_desks)
    between.plug("ana")
    plugged.until(picture=7, sound=5, page=5, socket=5)
    assert Call.objects.get().state == "active"


def test_with_another_address_it_is_the_same_call(between: air.Air, far_desks: SimpleNamespace) -> None:
    change = Watch("another address", far_desks)
    between.move("ana", f"{air.NETWORK}.{12 if between.hosts['ana'].address.endswith('.2') else 2}")
    change.until(told=TOLD)
    change.until(picture=16, sound=13, page=13, socket=13)
    assert Call.objects.get().state == "active"


@pytest.mark.parametrize(
    ("loss", "delay", "quality"), [(0.2, 0.0, "poor"), (0.0, 0.3, "not_good")], ids=["20 % are lost", "300 ms late"]
)
def test_on_a_poor_line_it_goes_on(
    between: air.Air, far_desks: SimpleNamespace, loss: float, delay: float, quality: str
) -> None:
    between.hosts["ana"].loss, between.hosts["ana"].delay = loss, delay
    line = Watch(f"{loss:.0%} lost, {delay * 1000:.0f} ms later each way", far_desks)
    line.until(pictures_150=24, sound=24)
    line.until(**{quality: 40})  # what was measured before the line was poor is past
    assert not line.reconnecting
    far_desks.ana.button("Hang up").click()
    far_desks.ben.says("Call ended")
