"""The bus between processes, where channel layers are known to go wrong: stalls, silence, and dead connections."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from channels.layers import channel_layers, get_channel_layer
from channels_redis.core import RedisChannelLayer

from accounts.models import User
from calls.bus import Bus, PresenceNews
from tests.conftest import Connect
from tests.support.client import Client
from tests.support.redis import Redis
from tests.support.server import Server
from tests.support.wait import until

# From each of two people: together more than the core layer of channels_redis keeps for a process that does not read,
# which is 100.
MESSAGES = 90

# For so long redis-py from version 8 on waits for an answer by itself, and then drops the connection.
IDLE_SECONDS = 5

# In /proc/net/tcp: a timer of the kernel's that looks whether the other side is still there.
KEEPALIVE_TIMER = "02"


@pytest.fixture(scope="module")
def hub() -> Iterator[Redis]:
    running = Redis().start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def servers(hub: Redis, django_db_setup: None, django_db_blocker: object) -> Iterator[tuple[Server, Server]]:
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        pair = (Server(REDIS_URL=hub.url).start(), Server(REDIS_URL=hub.url).start())
    yield pair
    for server in pair:
        server.kill()


Talk = tuple[Client, Client, str]


@pytest.fixture
def talks(servers: tuple[Server, Server], people: SimpleNamespace, connect: Connect) -> list[Talk]:
    """Ana and Ben in a call, and Chen and Sam; the callees in the other process."""
    return [_talk(servers, connect, people.ana, people.ben), _talk(servers, connect, people.chen, people.sam)]


def _talk(servers: tuple[Server, Server], connect: Connect, one: User, other: User) -> Talk:
    caller, callee = connect(servers[0], one), connect(servers[1], other)
    call = caller.place(other.pk)
    callee.until_call(call, "ringing")
    callee.command("call.accept", call=call)
    caller.until_call(call, "active")
    return caller, callee, call


@pytest.mark.slow
def test_a_process_that_stalls_loses_nothing(servers: tuple[Server, Server], talks: list[Talk]) -> None:
    with servers[1].paused():
        for seq in range(1, MESSAGES + 1):
            for caller, _, call in talks:
                caller.peer(call, seq, {"kind": "media", "microphone": True, "camera": False})
                caller.settle()  # each in a turn of the server's loop of its own, so that it is not batched with others
    for _, callee, _ in talks:
        callee.until(lambda callee=callee: len(callee.heard("peer")) == MESSAGES, "every message")  # type: ignore[misc]
        assert [message["seq"] for message in callee.heard("peer")] == list(range(1, MESSAGES + 1))


@pytest.mark.slow
def test_a_bus_that_was_silent_is_not_deaf(hub: Redis, servers: tuple[Server, Server], talks: list[Talk]) -> None:
    ana, ben, call = talks[0]
    until(lambda: [int(each["idle"]) > IDLE_SECONDS for each in hub.subscribers()] == [True, True], "silence")
    ana.peer(call, 1, {"kind": "media", "microphone": True, "camera": False})
    ben.wait_for("peer")
    assert ana.close_code is None and ben.close_code is None
    assert all("joining again" not in server.log() for server in servers)


@pytest.mark.slow
async def test_nor_is_one_on_the_core_layer(
    hub: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Which production does not run: its wait for news would be cut off by redis-py from version 8 on."""
    monkeypatch.setitem(channel_layers.backends, "default", RedisChannelLayer(hosts=[hub.url]))
    heard: list[object] = []
    ears, mouth = Bus(hub.url), Bus(hub.url)
    await ears.start(heard.append)
    await mouth.start(lambda news: None)
    await asyncio.to_thread(until, lambda: hub.calls_of("bzpopmin") > 1, "the end of a wait in which nothing came")
    mouth.post(PresenceNews(["ana"]))
    await asyncio.to_thread(until, lambda: heard, "news")
    await ears.stop()
    await mouth.stop()
    assert heard == [PresenceNews(["ana"])]
    assert "joining again" not in caplog.text


@pytest.mark.slow
@pytest.mark.usefixtures("servers")
def test_the_kernel_looks_whether_redis_is_still_there(hub: Redis) -> None:
    """A connection that only listens would not find out by itself."""
    until(lambda: len(hub.subscribers()) == 2, "two processes")
    ports = {int(each["addr"].rpartition(":")[2]) for each in hub.subscribers()}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    timers = [row[5][:2] for row in rows if int(row[1].partition(":")[2], 16) in ports]
    assert timers == [KEEPALIVE_TIMER] * 2


async def test_without_redis_nothing_is_left_in_a_layer() -> None:
    """The layer in memory throws whoever does not read in time out of all groups: nobody is in one."""
    layer: Any = get_channel_layer()
    heard: list[object] = []
    alone = Bus("")
    await alone.start(heard.append)
    alone.post(PresenceNews(["ana"]))
    await asyncio.sleep(0)
    await alone.stop()
    assert (layer.groups, layer.channels, heard) == ({}, {}, [])
