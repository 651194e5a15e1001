"""All of deploy/ together: two people sign in through the proxy, each at a server process, and call by the relay."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser, expect

from accounts.models import User
from tests.browser.conftest import ANAS_TONE, BENS_TONE, BLUE, RED
from tests.browser.desk import Desk
from tests.browser.test_main_job import hears, keeps_coming, sees, talk
from tests.support.stack import Stack
from tests.support.wait import until

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery staple"
PEOPLE = f"""
import json
from accounts.models import User
ana = User.objects.create_user("ana", "ana@example.org", {PASSWORD!r}, name="Ana", hide_address=True)
ben = User.objects.create_user("ben", "ben@example.org", {PASSWORD!r}, name="Ben")
print(json.dumps([str(ana.pk), str(ben.pk)]))
"""
RECORD = """
import json
from calls.models import Call, LegQuality
call = Call.objects.get()
print(json.dumps([call.state, call.end_reason, sorted(LegQuality.objects.values_list("route", flat=True))]))
"""
# The kinds of the two candidates that the open connection has chosen: this side's and the other's.
CHOSEN = """async () => {
  const open = window.counted.connections.find((each) => each.connectionState === "connected");
  const stats = await open.getStats();
  const transport = [...stats.values()].find((each) => each.type === "transport");
  const pair = stats.get(transport.selectedCandidatePairId);
  return [stats.get(pair.localCandidateId).candidateType, stats.get(pair.remoteCandidateId).candidateType];
}"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack() as running:
        yield running


@pytest.fixture(scope="module")
def desks(stack: Stack, launch: Callable[[list[str]], Browser], media: SimpleNamespace) -> Iterator[SimpleNamespace]:
    """Ana, who hides her address, and Ben; each signed in with their password, and on line at another process."""
    ids = dict(zip(("ana", "ben"), stack.ask(PEOPLE), strict=True))
    contexts, desks, sockets = [], {}, []
    for handle, id_ in ids.items():
        context = launch(getattr(media, handle)).new_context(
            base_url=stack.proxy.origin, ignore_https_errors=True, viewport={"width": 1000, "height": 700}
        )
        contexts.append(context)
        desk = desks[handle] = Desk(context, User(pk=id_, name=handle.capitalize()))
        desk.page.on("websocket", lambda opened: sockets.append(opened.url))
        desk.page.goto("/")
        desk.page.get_by_label("E-mail address or handle").fill(handle)
        desk.page.get_by_label("Password", exact=True).fill(PASSWORD)
        desk.button("Sign in").click()
        desk.until_on_line()
    assert set(sockets) == {stack.proxy.socket_url}
    yield SimpleNamespace(**desks)
    for context in contexts:
        context.close()


def are_apart(stack: Stack, other: Desk) -> bool:
    """Whether the two are on line at different processes; if not, one of them comes anew."""
    if [process.sockets() for process in stack.processes] == [1, 1]:
        return True
    other.open()
    return False


def test_a_call_across_two_processes_goes_through_the_relay(stack: Stack, desks: SimpleNamespace) -> None:
    ana, ben = desks.ana, desks.ben
    until(lambda: are_apart(stack, ben), "a socket at each process")
    talk(ana, ben)
    sees(ana, BLUE)
    sees(ben, RED)
    hears(ana, BENS_TONE)
    hears(ben, ANAS_TONE)
    keeps_coming(ana)
    keeps_coming(ben)
    assert ana.page.evaluate(CHOSEN)[0] == "relay"
    assert ben.page.evaluate(CHOSEN)[1] == "relay"
    expect(ana.stage.get_by_text("Relay · good")).to_be_visible()

    for process in stack.processes:  # one after the other, as an upgrade does it
        process.restart()
        ana.until_on_line()
        ben.until_on_line()
        keeps_coming(ana)
        keeps_coming(ben)

    ana.button("Hang up").click()
    expect(ben.stage).to_have_attribute("data-phase", "ended")
    until(lambda: stack.ask(RECORD) == ["ended", "completed", ["relay", "relay"]], "the record of the call")
    assert ana.errors == ben.errors == []


def test_pages_insist_on_https_and_their_files_are_kept(stack: Stack, desks: SimpleNamespace) -> None:
    page = desks.ben.page
    with page.expect_response(lambda response: "/static/js/app." in response.url) as asked:
        answer = page.goto("/")
    assert answer is not None and answer.headers["strict-transport-security"].startswith("max-age=")
    assert "immutable" in asked.value.headers["cache-control"]
