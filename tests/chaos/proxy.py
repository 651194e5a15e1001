"""The network between the devices and the servers: a TCP proxy that balances, cuts and stalls.

Each device connects from a loopback address of its own, so that its link can be broken alone, for a known time.
"""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from time import time

from tests.support.server import free_port

CHUNK_BYTES = 64 * 1024


@dataclass
class Outage:
    """A link that was broken, in seconds of the wall clock. `cut`: closed and refused; else stalled: nothing passes."""

    began: float
    ends: float
    cut: bool

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
        self._listener: asyncio.Server | None = None

    async def start(self) -> None:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=4096)

    async def stop(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self.cut_all()

    def cut(self, address: str, seconds: float) -> None:
        self._break(address, seconds, cut=True)
        self._abort(address)

    def stall(self, address: str, seconds: float) -> None:
        self._break(address, seconds, cut=False)

    def cut_all(self) -> None:
        """Every link, for a moment: all come back at once."""
        for address in list(self._links):
            self._abort(address)

    def mend(self) -> None:
        """From now on every link works."""
        now = time()
        for outages in self.outages.values():
            for outage in outages:
                outage.ends = min(outage.ends, now)

    def broken(self, address: str) -> Outage | None:
        """The outage that goes on now."""
        outage = self.outages[address][-1] if self.outages[address] else None
        return outage if outage is not None and time() < outage.ends else None

    def _break(self, address: str, seconds: float, *, cut: bool) -> None:
        now = time()
        self.outages[address].append(Outage(now, now + seconds, cut))

    def _abort(self, address: str) -> None:
        for writer in self._links[address]:
            writer.transport.abort()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        address = str(writer.get_extra_info("peername")[0])
        outage = self.broken(address)
        upstream = None if outage is not None and outage.cut else await self._connect()
        if upstream is None:
            writer.transport.abort()
            return
        ends = {writer, upstream[1]}
        self._links[address] |= ends
        try:
            await asyncio.gather(
                self._pump(address, reader, upstream[1]),
                self._pump(address, upstream[0], writer),
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

    async def _pump(self, address: str, reader: StreamReader, writer: StreamWriter) -> None:
        """Pass on what comes, the end included, as soon as the link lets it."""
        with suppress(OSError):
            while True:
                data = await reader.read(CHUNK_BYTES)
                while (outage := self.broken(address)) is not None and not outage.cut:
                    await asyncio.sleep(min(0.1, outage.seconds))
                if not data:
                    break
                writer.write(data)
                await writer.drain()
        writer.close()
