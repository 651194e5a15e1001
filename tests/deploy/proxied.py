"""A visitor who comes through the proxy, from an address of their choice."""

import http.client
import urllib.request
from functools import partial
from typing import Any

from tests.support.caddy import Caddy
from tests.support.visitor import Visitor


class ProxiedVisitor(Visitor):
    """Comes from `address`, one of the loopback's, and claims to have been forwarded for `claims`."""

    def __init__(self, proxy: Caddy, address: str, claims: str) -> None:
        super().__init__(proxy, [_Https(proxy, address)], [("X-Forwarded-For", claims)])


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, proxy: Caddy, address: str) -> None:
        super().__init__()
        self._connection = partial(http.client.HTTPSConnection, source_address=(address, 0), context=proxy.trust)

    def https_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(self._connection, req)  # type: ignore[arg-type]
