"""A WebSocket of daphne's whose queues are bounded in both directions.

Daphne gives the transport whatever the application sends, and the application whatever the transport has read, and
makes neither wait: a page that does not read, or one that writes before it is signed in, fills the server's memory.
Here `send` waits while the transport's buffer is full, so that the application sees its backlog, and the transport is
not read while the application has enough to do.
"""

import asyncio
from typing import Any

from daphne.ws_protocol import WebSocketProtocol
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

# Frames that may wait for the application. Only `hello` makes it wait, and no page sends so many before its welcome.
INBOX_FRAMES = 32

# How soon a full inbox is looked at again.
INBOX_SECONDS = 0.02

# How long the answer to a page's goodbye may wait behind what the page has not read yet.
GOODBYE_SECONDS = 5.0


@implementer(IPushProducer)
class BoundedSocket(WebSocketProtocol):
    """To the transport it is a producer, which is how Twisted says that a buffer is full (64 KiB) or empty again."""

    _full: asyncio.Event | None = None
    _deaf = False

    def connectionMade(self) -> None:
        super().connectionMade()
        self.transport.unregisterProducer()  # HTTP's, which the transport had before the upgrade
        self.transport.registerProducer(self, True)

    def pauseProducing(self) -> None:
        self._full = self._full or asyncio.Event()

    def resumeProducing(self) -> None:
        if self._full is not None:
            self._full.set()
            self._full = None

    stopProducing = resumeProducing

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:
        super().onClose(wasClean, code, reason)
        self.resumeProducing()  # nobody need wait for it any more

    async def writable(self) -> None:
        """Wait until the transport's buffer is empty again, if it is full."""
        if self._full is not None:
            await self._full.wait()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        super().onMessage(payload, isBinary)
        if not self._deaf and self.application_queue.qsize() >= INBOX_FRAMES:
            self._deaf = True
            self.transport.pauseProducing()
            _later(INBOX_SECONDS, self._listen_again)

    def _listen_again(self) -> None:
        if self.application_queue.qsize() >= INBOX_FRAMES and self.state != self.STATE_CLOSED:
            _later(INBOX_SECONDS, self._listen_again)
        else:
            self._deaf = False
            self.transport.resumeProducing()

    def _closeConnection(self, abort: bool = False) -> None:
        """Autobahn's last step. A gentle one lasts as long as the buffer is not read, which may be for ever."""
        super()._closeConnection(abort)
        if not abort:
            _later(GOODBYE_SECONDS, self.transport.abortConnection)


def _later(seconds: float, act: Any) -> None:
    asyncio.get_running_loop().call_later(seconds, act)


async def wait_for_room(protocol: Any) -> None:
    """After a message was given to this protocol: requests have their own ways."""
    if isinstance(protocol, BoundedSocket):
        await protocol.writable()
