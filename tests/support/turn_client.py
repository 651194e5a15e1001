"""A small TURN client: an allocation at a relay, and the question whether it may send to a peer."""

import asyncio
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


async def _ask(relay: Relay, username: str, password: str, peers: Iterable[str]) -> tuple[int, dict[str, int]]:
    way, client = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: turn.TurnClientUdpProtocol(
            (relay.address, relay.port),
            username=username,
            password=password,
            lifetime=turn.DEFAULT_ALLOCATION_LIFETIME,
            channel_refresh_time=turn.DEFAULT_CHANNEL_REFRESH_TIME,
        ),
        remote_addr=(relay.address, relay.port),
    )
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
