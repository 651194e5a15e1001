"""What lets thousands of sockets in: the limits of the process, and the queue before its door."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from config.management.commands.serve import OPEN_FILES
from tests.support.server import Server

pytestmark = pytest.mark.slow

FEW_FILES = 256
KNOCKS = min(1000, int(Path("/proc/sys/net/core/somaxconn").read_text()))


@pytest.fixture
def modest(transactional_db: None) -> Iterator[Server]:
    """A server that was started from a shell with a low limit on open files."""
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW_FILES, most))
    try:
        running = Server().start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))
    yield running
    running.kill()


def test_it_takes_as_many_open_files_as_the_system_allows(modest: Server) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert modest.open_files_limit() == min(most, OPEN_FILES) > FEW_FILES


def test_a_busy_server_keeps_hundreds_waiting_at_its_door(server: Server) -> None:
    """A full queue drops them without a word, and they try again ever more seldom."""
    with server.paused(), ExitStack() as knocking:
        for _ in range(KNOCKS):
            knocking.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=5))
