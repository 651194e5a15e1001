"""One connected device: what the exchange needs to know of it, and its way out."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from math import inf
from random import uniform
from time import monotonic
from uuid import UUID

from django.conf import settings

from .core.vocabulary import CloseCode
from .metrics import CLOSED_SOCKETS

# What may wait for a page that reads slowly: some hundred snapshots. Beyond it the page is better off coming
# back and getting the newest state than reading all the old.
OUTBOX_BYTES = 512 * 1024

# How long a close may wait behind what a page has not read yet.
LAST_WORDS_SECONDS = 5.0

# Sockets that came together do not leave together: each leaves up to this share of SOCKET_SECONDS sooner.
LEAVE_SPREAD = 0.2

Send = Callable[[dict[str, object]], Awaitable[None]]

_hellos = count(1)


def next_hello() -> int:
    """The number of a hello, in the order in which they came."""
    return next(_hellos)


def lifetime() -> float:
    """Seconds that a socket may be open."""
    limit = settings.SOCKET_SECONDS
    return inf if limit is None else limit * uniform(1 - LEAVE_SPREAD, 1)


@dataclass(frozen=True, slots=True)
class Host:
    """Where a guest may call: the link that let them in, and its owner."""

    link: UUID
    owner: str


class Device:
    """A browser tab with an open socket; of a guest, if it has a `host`.

    `sent` is the highest revision it was sent of each live call; `watched` are the people whose presence it
    shows; `user_agent` is its header. On the monotonic clock: `opened_at`, when it came, `heard_at`, when its page
    last said anything, `credentials_at`, when it was last given the relay's credentials, `leaves_at`, when it is asked
    to come back with a new socket. `hello` is the number of its hello at this process. `doubted`: the same device has
    come to another process since its page was last heard here.
    """

    def __init__(
        self,
        person: str,
        device_id: str,
        session: str,
        send: Send,
        host: Host | None = None,
        user_agent: str = "",
        hello: int | None = None,
    ) -> None:
        self.person = person
        self.id = device_id
        self.session = session
        self.host = host
        self.user_agent = user_agent
        self.sent: dict[str, int] = {}
        self.watched: frozenset[str] = frozenset()
        self.opened_at = self.heard_at = monotonic()
        self.credentials_at: float | None = None
        self.leaves_at = self.opened_at + lifetime()
        self.hidden = False
        self.hello = next_hello() if hello is None else hello
        self.doubted = False
        self._send = send
        self._outbox: deque[bytes] = deque()
        self._outbox_bytes = 0
        self._drain: asyncio.Task[None] | None = None
        self._close_code: int | None = None

    @property
    def person_id(self) -> UUID:
        return UUID(self.person)

    def heard(self, hidden: bool = False) -> None:
        """The page has spoken. A hidden page is throttled to one timer a minute, and may be silent for longer."""
        self.heard_at = monotonic()
        self.hidden = hidden

    @property
    def closing(self) -> bool:
        return self._close_code is not None

    @property
    def close_code(self) -> int | None:
        """The code that the server has closed it with, if it has."""
        return self._close_code

    def post(self, frame: bytes) -> None:
        """Send a frame soon, in order, without waiting for the page to read it."""
        if self._close_code is not None:
            return
        self._outbox.append(frame)
        self._outbox_bytes += len(frame)
        if self._outbox_bytes > OUTBOX_BYTES:
            self.close(CloseCode.TOO_SLOW)
            self._close_now()
        elif self._drain is None:
            self._start_draining()

    def close(self, code: int) -> None:
        """Send what waits, then close with this code. The first code stays."""
        if self._close_code is None:
            self._close_code = code
            CLOSED_SOCKETS.labels(code).inc()
            if self._drain is None:
                self._start_draining()
            else:
                asyncio.get_running_loop().call_later(LAST_WORDS_SECONDS, self._close_now)

    def _close_now(self) -> None:
        """Drop what the page does not read; the close itself waits for nothing."""
        if self._drain is not None:
            self._drain.cancel()
            self._outbox.clear()
            self._outbox_bytes = 0
            self._start_draining()

    async def flushed(self) -> None:
        """Wait until all that was posted, and the close, has gone out."""
        if self._drain is not None:
            await asyncio.wait([self._drain])

    def _start_draining(self) -> None:
        self._drain = asyncio.get_running_loop().create_task(self._drain_outbox())

    async def _drain_outbox(self) -> None:
        try:
            while self._outbox:
                frame = self._outbox.popleft()
                self._outbox_bytes -= len(frame)
                await self._send({"type": "websocket.send", "text": frame.decode()})
            if self._close_code is not None:
                await self._send({"type": "websocket.close", "code": self._close_code})
        except OSError:
            self._outbox.clear()  # the socket is gone; its disconnect is on the way
        finally:
            if self._drain is asyncio.current_task():
                self._drain = None
