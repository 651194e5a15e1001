"""The one application: pages, and the socket at /ws/."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
pages = get_asgi_application()

from calls import background  # noqa: E402 (after Django is set up)
from calls.routing import socket_application  # noqa: E402
from config import health  # noqa: E402

SOCKET_PATH = "/ws/"

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        return await _lifespan(receive, send)
    await background.start()
    match scope["type"]:
        case "http" if scope["path"] in health.PROBES:
            await health.answer(scope, send)
        case "http":
            await pages(scope, receive, send)  # type: ignore[arg-type]
        case "websocket" if scope["path"] == SOCKET_PATH:
            await socket_application(scope, receive, send)
        case "websocket":
            await send({"type": "websocket.close"})


async def _lifespan(receive: Receive, send: Send) -> None:
    """Servers that have a lifespan (uvicorn) start and stop the background with it; daphne has none."""
    while True:
        event = await receive()
        if event["type"] == "lifespan.startup":
            await background.start()
            await send({"type": "lifespan.startup.complete"})
        else:
            await background.stop()
            await send({"type": "lifespan.shutdown.complete"})
            return
