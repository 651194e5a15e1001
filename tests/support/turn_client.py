"""A small TURN client: an allocation at a relay, and the question whether it may send to a peer.

`python -m tests.support.turn_client ADDRESS PORT USERNAME PASSWORD TIMES` prints the addresses of so many allocations.
"""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Iterable

from aioice import stun, turn

from .relay import Relay

ALLOWED = 0
CHANNELS = range(0x4000, 0x4FFF)
PORT = 9  # any: permissions are for addresses


def answers(relay: Relay, username: str, password: str, peers: Iterable[str] = ()) -> tuple[int, dict[str, int]]:
    """What the relay says to an allocation with these credentials, and in it to each of these peers: `ALLOWED`, or
    the code of its refusal."""
    return asyncio.run(_ask(relay, username, password, peers))


def relayed_in(namespace: str, relay: Relay, username: str, password: str, times: int) -> list[str]:
    """The addresses that so many allocations in this network namespace get."""
    asked = [relay.address, str(relay.port), username, password, str(times)]
    command = ["ip", "netns", "exec", namespace, sys.executable, "-m", "tests.support.turn_client", *asked]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()


async def _relayed(address: str, port: str, username: str, password: str, times: str) -> None:
    for _ in range(int(times)):
        way, client = await _connect(address, int(port), username, password)
        sys.stdout.write((await client.connect())[0] + "\n")
        await client.delete()
        way.close()


async def _connect(
    address: str, port: int, username: str, password: str
) -> tuple[asyncio.DatagramTransport, turn.TurnClientUdpProtocol]:
    return await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: turn.TurnClientUdpProtocol(
            (address, port),
            username=username,
            password=password,
            lifetime=turn.DEFAULT_ALLOCATION_LIFETIME,
            channel_refresh_time=turn.DEFAULT_CHANNEL_REFRESH_TIME,
        ),
        remote_addr=(address, port),
    )


async def _ask(relay: Relay, username: str, password: str, peers: Iterable[str]) -> tuple[int, dict[str, int]]:
    way, client = await _connect(relay.address, relay.port, username, password)
    try:
        allocated = await _code(client.connect())
        if allocated != ALLOWED:
            return allocated, {}
        said = {
            peer: await _code(client.channel_bind(channel, (peer, PORT)))
            for channel, peer in zip(CHANNELS, peers, strict=False)
        }
        await client.delete()
        return allocated, said
    finally:
        way.close()


async def _code(asked: Awaitable[object]) -> int:
    try:
        await asked
    except stun.TransactionFailed as refused:
        return int(refused.response.attributes["ERROR-CODE"][0])
    return ALLOWED


if __name__ == "__main__":
    asyncio.run(_relayed(*sys.argv[1:]))
