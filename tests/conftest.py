from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from accounts.models import User
from tests.support import content_types
from tests.support.client import Client
from tests.support.metrics import TOKEN
from tests.support.people import cookie_of, make_person, session_of
from tests.support.server import Server

Connect = Callable[..., Client]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browsers last: once Playwright has started, its event loop runs in this thread, and no other can."""
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(scope="session")
def server(django_db_setup: None, django_db_blocker: object) -> Iterator[Server]:
    """A server for the whole session, with the real ring of 60 s."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        running = Server(EARSHOT_METRICS_TOKEN=TOKEN).start()
    yield running
    running.kill()


@pytest.fixture(scope="session")
def hasty_server(django_db_setup: None, django_db_blocker: object) -> Iterator[Server]:
    """A server on which nobody waits: it rings for 2 s, and what is gone is given up after 2 s."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        running = Server(
            EARSHOT_CALL_RING_SECONDS=2,
            EARSHOT_CALLER_LEASE_SECONDS=1.5,
            EARSHOT_LEG_LEASE_SECONDS=2,
            EARSHOT_START_GRACE_SECONDS=1,
        ).start()
    yield running
    running.kill()


@pytest.fixture
def people(transactional_db: None) -> SimpleNamespace:
    """Ana, Ben and Chen; and Sam, a stranger to every call."""
    content_types.keep()
    return SimpleNamespace(**{handle: make_person(handle) for handle in ("ana", "ben", "chen", "sam")})


@pytest.fixture
def connect(people: SimpleNamespace) -> Iterator[Connect]:
    """`connect(server, user)`: a signed-in device that has said hello. `session=` uses that session's key."""
    clients: list[Client] = []

    def make(
        server: Server,
        user: User,
        *,
        device: str | None = None,
        session: str | None = None,
        hello: bool = True,
        user_agent: str | None = None,
    ) -> Client:
        client = Client(server.socket_url, server.origin, cookie_of(session or session_of(user)), device, user_agent)
        clients.append(client)
        if hello:
            client.hello()
        return client

    yield make
    for client in clients:
        client.close()
