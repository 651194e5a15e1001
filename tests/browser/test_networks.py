"""What networks do to a call, and what its people see (docs/networks.md).

`./test tests/browser/test_networks.py -s` prints the figures of the table there.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser, Playwright

from accounts.models import User
from calls.models import Call
from tests.browser.conftest import AUTOPLAY, FLAGS
from tests.browser.desk import Desk
from tests.support import air
from tests.support.people import session_of
from tests.support.server import Server
from tests.support.wait import until

pytestmark = pytest.mark.skipif(bool(air.possible()), reason=air.possible())

LONG = 90


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
    for host in between.hosts.values():
        host.cut, host.loss, host.delay = False, 0.0, 0.0

    def open_in(name: str, user: User, flags: list[str]) -> Desk:
        wrapper = tmp_path / f"chromium-{name}"
        wrapper.write_text(between.run_in(name, "/usr/bin/chromium"))
        wrapper.chmod(0o755)
        secure = f"--unsafely-treat-insecure-origin-as-secure={far_server.origin}"
        browser = playwright_.chromium.launch(executable_path=wrapper, args=[*FLAGS, *flags, AUTOPLAY, secure])
        browsers.append(browser)
        context = browser.new_context(base_url=far_server.origin, locale="en-GB")
        context.add_cookies([{"name": "earshot", "value": session_of(user), "url": far_server.origin}])
        return Desk(context, user).open()

    ana, ben = open_in("ana", people.ana, media.ana), open_in("ben", people.ben, media.ben)
    ana.call(ben)
    ben.ring(ana).get_by_role("button", name="Accept", exact=True).click()
    until(lambda: ana.frames() > 15 and ben.frames() > 15, "pictures both ways")
    yield SimpleNamespace(ana=ana, ben=ben)
    for browser in browsers:
        browser.close()


class Watch:
    """Reads the clock when something first holds."""

    def __init__(self, what: str) -> None:
        self.what, self.began = what, monotonic()
        self.marks: dict[str, float] = {}

    def until(self, name: str, holds: Callable[[], bool]) -> None:
        until(holds, f"{self.what}: {name}", seconds=LONG)
        self.marks[name] = monotonic() - self.began

    def show(self) -> None:
        marks = ", ".join(f"{name} {at:.1f} s" for name, at in self.marks.items())
        sys.stdout.write(f"\n{self.what}: {marks}\n")


def on_line(desk: Desk) -> bool:
    return bool(desk.page.locator("#connection-bar").is_hidden())


def moving(desk: Desk) -> Callable[[], bool]:
    """Whether ten more pictures have come since."""
    since = desk.frames()
    return lambda: desk.frames() > since + 10


def phase(desk: Desk) -> str | None:
    return desk.stage.get_attribute("data-phase")


@pytest.mark.parametrize("seconds", [5, 20])
def test_after_a_cut_it_is_the_same_call(between: air.Air, far_desks: SimpleNamespace, seconds: int) -> None:
    ana, ben = far_desks.ana, far_desks.ben
    cut = Watch(f"a cut of {seconds} s")
    between.hosts["ana"].cut = True
    cut.until("both are told after", lambda: phase(ana) == phase(ben) == "reconnecting")
    until(lambda: monotonic() - cut.began >= seconds, "the end of the cut", seconds=LONG)
    between.hosts["ana"].cut = False
    cut.show()
    back = Watch(f"after {cut.what}")
    arrive = [moving(desk) for desk in (ana, ben)]
    back.until("pictures both ways", lambda: all(each() for each in arrive))
    back.until("the page says so", lambda: phase(ana) == phase(ben) == "active")
    back.until("socket", lambda: on_line(ana))
    back.show()
    assert Call.objects.get().state == "active"


def test_after_a_cut_of_a_minute_both_are_told_that_it_is_over(between: air.Air, far_desks: SimpleNamespace) -> None:
    ana, ben = far_desks.ana, far_desks.ben
    cut = Watch("a cut of 60 s")
    between.hosts["ana"].cut = True
    cut.until("Ben is told", lambda: phase(ben) == "ended")
    cut.until("Ana is told", lambda: phase(ana) == "ended")
    until(lambda: monotonic() - cut.began >= 60, "the end of the cut", seconds=LONG)
    between.hosts["ana"].cut = False
    cut.show()
    back = Watch(f"after {cut.what}")
    back.until("socket", lambda: on_line(ana))
    back.show()
    for desk in (ana, ben):
        desk.says("The connection broke off")
    assert Call.objects.get().state == "ended"
    ana.sees_on_line(ben)


def test_with_another_address_it_is_the_same_call(between: air.Air, far_desks: SimpleNamespace) -> None:
    ana, ben = far_desks.ana, far_desks.ben
    change = Watch("another address")
    between.move("ana", f"{air.NETWORK}.{12 if between.hosts['ana'].address.endswith('.2') else 2}")
    arrive = [moving(desk) for desk in (ana, ben)]
    change.until("pictures both ways", lambda: all(each() for each in arrive))
    change.until("the page says so", lambda: phase(ana) == phase(ben) == "active")
    change.until("socket", lambda: on_line(ana))
    change.show()
    assert Call.objects.get().state == "active"


@pytest.mark.parametrize(("loss", "delay"), [(0.2, 0.0), (0.0, 0.3)], ids=["20 % are lost", "300 ms late"])
def test_on_a_poor_line_it_goes_on(between: air.Air, far_desks: SimpleNamespace, loss: float, delay: float) -> None:
    ana, ben = far_desks.ana, far_desks.ben
    between.hosts["ana"].loss, between.hosts["ana"].delay = loss, delay
    poor = Watch(f"{loss:.0%} lost, {delay * 1000:.0f} ms later each way")
    since = ana.frames(), ben.frames()
    poor.until("150 pictures both ways", lambda: ana.frames() > since[0] + 150 and ben.frames() > since[1] + 150)
    poor.show()
    assert phase(ana) == phase(ben) == "active"
    ana.button("Hang up").click()
    ben.says("Call ended")
