"""What machines ask a server: /healthz, /readyz and /metrics.

Answered before Django: whoever asks comes by an address that is none of EARSHOT_ORIGINS, and must get an answer while
every database thread is stuck.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import prometheus_client
import redis
from django.conf import settings
from django.db import Error, connection

from calls import gauges
from calls.exchange import exchange
from calls.offload import offload_ahead

READY_SECONDS = 3

Headers = Mapping[bytes, bytes]
Answer = tuple[int, str, bytes]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def alive(headers: Headers) -> Answer:
    """The process answers. Says nothing of the database: restarting this process would not mend that."""
    return 200, "text/plain", b"ok"


async def ready(headers: Headers) -> Answer:
    """Whether it can serve: the database and Redis answer, and it is not about to stop. 200 or 503, with each part."""
    parts = {"server": "stopping" if exchange.stopping else "ok"}
    try:
        parts |= await asyncio.wait_for(offload_ahead(_parts), READY_SECONDS)
    except TimeoutError:
        parts |= {"database": "away"}
    status = 200 if set(parts.values()) == {"ok"} else 503
    return status, "application/json", msgspec.json.encode(parts)


async def metrics(headers: Headers) -> Answer:
    """For Prometheus, to whoever has EARSHOT_METRICS_TOKEN; without one there is no such page."""
    if not settings.METRICS_TOKEN:
        return 404, "text/plain", b"Set EARSHOT_METRICS_TOKEN to have metrics."
    given = headers.get(b"authorization", b"")
    if not hmac.compare_digest(given, b"Bearer " + settings.METRICS_TOKEN.encode()):
        return 401, "text/plain", b"Send EARSHOT_METRICS_TOKEN as a bearer token."
    return 200, prometheus_client.CONTENT_TYPE_LATEST, gauges.exposition()


PROBES = {"/healthz": alive, "/readyz": ready, "/metrics": metrics}


async def answer(scope: Mapping[str, Any], send: Send) -> None:
    status, content_type, body = await PROBES[scope["path"]](dict(scope["headers"]))
    headers = [(b"content-type", content_type.encode()), (b"cache-control", b"no-store")]
    headers += [(b"www-authenticate", b"Bearer")] if status == 401 else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _parts() -> dict[str, str]:
    parts = {"database": "ok"}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        parts["database"] = "away"
    if settings.REDIS_URL:
        try:
            exchange.presence.ping()
            parts["redis"] = "ok"
        except redis.RedisError:
            parts["redis"] = "away"
    return parts
