"""Daphne, stopped gently: SIGTERM and Ctrl+C end no call and lose no command.

Importing this installs Twisted's asyncio reactor; nothing else may have installed one before.
"""

import asyncio
import os
import signal
import threading
from time import monotonic
from typing import Any

from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory

from calls import background, events

from .backpressure import BoundedSocket, wait_for_room

# Requests that go on may end. With what the exchange takes for its devices it is less than LEAVE_SECONDS.
REQUESTS_SECONDS = 3.0

# By then it is gone, whatever still waits: a thread whose database does not answer would hold the process for ever.
LEAVE_SECONDS = 9.5


class GentleServer(Server):
    """Serves until a signal comes; then takes no connections, sends its devices away, and leaves. The second signal
    stops it at once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, signal_handlers=False, **kwargs)
        WebSocketFactory.protocol = BoundedSocket  # of Twisted's factories, the place to say it
        self._ports: list[Any] = []
        self._leaving: asyncio.Task[None] | None = None

    def obey_signals(self) -> None:
        """In the main thread only, before it runs."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_event_loop().add_signal_handler(number, self._signalled)

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        self._ports.append(port)

    def _signalled(self) -> None:
        if self._leaving is None:
            latest = threading.Timer(LEAVE_SECONDS, os._exit, [0])
            latest.daemon = True
            latest.start()
            self._leaving = asyncio.get_event_loop().create_task(self._leave())
        else:
            self.stop()

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """What the application sends. A close never waits."""
        await super().handle_reply(protocol, message)
        if message["type"] == "websocket.send":
            await wait_for_room(protocol)

    async def _leave(self) -> None:
        began = monotonic()
        for port in self._ports:
            port.stopListening()
        await background.stop()
        until = monotonic() + REQUESTS_SECONDS
        while self._answering() and monotonic() < until:
            await asyncio.sleep(0.05)
        events.log("server.stopped", seconds=monotonic() - began)
        self.stop()

    def _answering(self) -> bool:
        """Whether a request is still being answered, or a socket is open: one that says hello now is sent on."""
        return any(
            "disconnected" not in details and not task.done()
            for details in self.connections.values()
            if (task := details.get("application_instance")) is not None
        )
