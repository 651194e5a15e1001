"""The network between the devices and the servers: a TCP proxy that balances, cuts and stalls.

Each device connects from a loopback address of its own, so that its link can be broken alone, for a known time.
"""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from random import Random
from time import time

from tests.support.server import free_port

CHUNK_BYTES = 64 * 1024
# How soon after an outage what was held is passed on.
POLL_SECONDS = 0.1


class How(Enum):
    """How a link is broken. `DEAF`: what the device sends arrives, and nothing comes back."""

    CUT = auto()
    STALLED = auto()
    DEAF = auto()


@dataclass
class Outage:
    """When and how a link was broken, in seconds of the wall clock."""

    began: float
    ends: float
    how: How

    @property
    def seconds(self) -> float:
        return self.ends - self.began


class Proxy:
    """`outages` tells of each address when its link was broken."""

    def __init__(self, servers: list[int], random: Random) -> None:
        self.port = free_port()
        self.outages: dict[str, list[Outage]] = defaultdict(list)
        self._servers = servers
        self._random = random
        self._links: dict[str, set[StreamWriter]] = defaultdict(set)
        self._planned: list[asyncio.TimerHandle] = []
        self._listener: asyncio.Server | None = None

    async def start(self) -> None:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=4096)

    async def stop(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self.cut_all()

    def cut(self, address: str, seconds: float) -> None:
        """Close it, and refuse new ones."""
        self._break(address, seconds, How.CUT)
        self._abort(address)

    def stall(self, address: str, seconds: float) -> None:
        """Let nothing pass; it is all there afterwards."""
        self._break(address, seconds, How.STALLED)

    def swallow(self, address: str, seconds: float, then: float) -> None:
        """Let nothing back to the device, and `then` cut it: what it asked for was done, and it was not told."""
        self._break(address, seconds, How.DEAF)
        self._planned.append(asyncio.get_running_loop().call_later(seconds, self.cut, address, then))

    def cut_all(self) -> None:
        """Every link, for a moment: all come back at once."""
        for address in list(self._links):
            self._abort(address)

    def balance(self) -> None:
        """Cut half of the links, which come back to any server: else all stay with the one that was there first."""
        for address in list(self._links):
            if self._random.random() < 0.5:
                self._abort(address)

    def mend(self) -> None:
        """From now on every link works."""
        for cut in self._planned:
            cut.cancel()
        now = time()
        for outages in self.outages.values():
            for outage in outages:
                outage.ends = min(outage.ends, now)

    def broken(self, address: str) -> Outage | None:
        """The outage that goes on now."""
        outage = self.outages[address][-1] if self.outages[address] else None
        return outage if outage is not None and time() < outage.ends else None

    def whole_since(self, address: str) -> float:
        return max((outage.ends for outage in self.outages[address]), default=0)

    def _break(self, address: str, seconds: float, how: How) -> None:
        now = time()
        self.outages[address].append(Outage(now, now + seconds, how))

    def _holds(self, address: str, hows: tuple[How, ...]) -> bool:
        outage = self.broken(address)
        return outage is not None and outage.how in hows

    def _abort(self, address: str) -> None:
        for writer in self._links[address]:
            writer.transport.abort()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        address = str(writer.get_extra_info("peername")[0])
        upstream = None if self._holds(address, (How.CUT,)) else await self._connect()
        if upstream is None:
            writer.transport.abort()
            return
        ends = {writer, upstream[1]}
        self._links[address] |= ends
        try:
            await asyncio.gather(
                self._pump(address, reader, upstream[1], held_by=(How.STALLED,)),
                self._pump(address, upstream[0], writer, held_by=(How.STALLED, How.DEAF)),
            )
        finally:
            self._links[address] -= ends
            for end in ends:
                end.transport.abort()

    async def _connect(self) -> tuple[StreamReader, StreamWriter] | None:
        """To one of the servers; to another if that one is dead."""
        for port in self._random.sample(self._servers, len(self._servers)):
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", port)
        return None

    async def _pump(self, address: str, reader: StreamReader, writer: StreamWriter, held_by: tuple[How, ...]) -> None:
        """Pass on what comes, the end included, as soon as the link lets it."""
        with suppress(OSError):
            while True:
                data = await reader.read(CHUNK_BYTES)
                while self._holds(address, held_by):
                    await asyncio.sleep(POLL_SECONDS)
                if not data or writer.is_closing():
                    break
                writer.write(data)
                await writer.drain()
        writer.close()
