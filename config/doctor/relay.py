"""STUN and TURN as a browser would use them: a binding, and an allocation with the very credentials of callers."""

import asyncio
import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from time import monotonic
from typing import cast

from aioice import stun, turn
from django.conf import settings

from calls.turn import ice_servers

from .finding import Finding

SECONDS = 5

# A relay that has several addresses gives one after the other.
ALLOCATIONS = 3

# RFC 7064, RFC 7065.
_URL = re.compile(
    r"(?P<scheme>stuns?|turns?):(?P<host>\[[^]]+\]|[^:?]+)(:(?P<port>\d+))?(\?transport=(?P<transport>udp|tcp))?$"
)

ADVICE = {
    401: "TURN_SECRET must be coturn's static-auth-secret, and the clocks of both machines must agree.",
    403: "coturn forbids this: look at its allowed and denied addresses.",
    486: "coturn's user quota is used up: look at user-quota.",
    508: "coturn has no port left: look at total-quota, min-port and max-port.",
}


def relays() -> Iterator[Finding]:
    if not settings.TURN_URLS:
        yield Finding.note(
            "None: people behind strict networks cannot connect, and nobody can hide their address.",
            "Run coturn and set TURN_URLS and TURN_SECRET (docs/operating.md, Who gets through).",
        )
    for server in ice_servers("doctor"):
        for url in server.urls:
            yield asyncio.run(_try(url, server.username or "", server.credential or ""))


async def _try(url: str, username: str, credential: str) -> Finding:
    parts = _URL.match(url)
    if parts is None:
        return Finding.problem(
            f"{url} is no STUN or TURN address.", "Write turn:HOST:PORT?transport=udp or stun:HOST:PORT."
        )
    scheme, transport = parts["scheme"], parts["transport"] or "udp"
    secure = scheme.endswith("s")
    address = (parts["host"].strip("[]"), int(parts["port"] or (5349 if secure else 3478)))
    began = monotonic()
    try:
        async with asyncio.timeout(SECONDS):
            if scheme.startswith("stun"):
                if secure or transport == "tcp":
                    return Finding.note(f"{url} is not looked at: it is not UDP.", "Try it from your browser.")
                await _bind(address)
            else:
                relayed = set()
                for _ in range(ALLOCATIONS):
                    way, _ = await turn.create_turn_endpoint(
                        asyncio.DatagramProtocol,
                        server_addr=address,
                        username=username,
                        password=credential,
                        transport="tcp" if secure else transport,
                        ssl=secure,
                    )
                    relayed.add(way.get_extra_info("sockname")[0])
                    way.close()
                if missed := out_of_reach(relayed, await _addresses_of(address[0])):
                    return Finding.problem(
                        f"{url} gives the address {' and '.join(missed)}, which nobody outside reaches.",
                        "Set TURN_RELAY_IP to the addresses from which it shall relay, or TURN_EXTERNAL_IP to "
                        "PUBLIC/PRIVATE where the public one is translated.",
                    )
    except stun.TransactionFailed as error:
        code, reason = error.response.attributes.get("ERROR-CODE", (0, "no reason"))
        return Finding.problem(f"{url} refuses: {code} {reason}.", ADVICE.get(code, "Look at coturn's log."))
    except (TimeoutError, stun.TransactionTimeout, OSError) as error:
        return Finding.problem(
            f"{url} does not answer{f': {error}' if str(error) else ''}.",
            "See whether it runs, and whether the firewall lets this port through, UDP and TCP.",
        )
    what = "tells addresses" if scheme.startswith("stun") else "gives an address"
    return Finding.ok(f"{url} {what} after {1000 * (monotonic() - began):.0f} ms.")


def out_of_reach(relayed: Iterable[str], relay: Iterable[str]) -> list[str]:
    """Those of the relayed addresses that are private, if one of the relay's own is not. Where all are, all may be."""
    if not any(ip_address(each).is_global for each in relay):
        return []
    return sorted(each for each in relayed if not ip_address(each).is_global)


async def _addresses_of(host: str) -> set[str]:
    return {str(found[4][0]) for found in await asyncio.get_running_loop().getaddrinfo(host, None)}


class _Binding(asyncio.DatagramProtocol):
    """Sends one Binding request (RFC 8489 section 3) and takes its answer."""

    def __init__(self) -> None:
        self.request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        self.transaction: stun.Transaction | None = None
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def send_stun(self, message: stun.Message, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        self._transport.sendto(bytes(message))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            message = stun.parse_message(data)
        except ValueError:
            return
        if self.transaction and message.transaction_id == self.request.transaction_id:
            self.transaction.response_received(message, addr)


async def _bind(address: tuple[str, int]) -> None:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(_Binding, remote_addr=address)
    try:
        protocol.transaction = stun.Transaction(protocol.request, address, protocol)
        await protocol.transaction.run()
    finally:
        transport.close()
