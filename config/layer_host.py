"""How the channel layer is connected to Redis: so that a connection that died without a word is noticed.

The one that waits for news of other processes says nothing itself. A firewall that forgets it, or a host that vanishes,
would leave the process deaf until somebody restarts it; TCP's own probes find out within DEAD_SECONDS.
"""

import socket
from typing import Any

PROBE_SECONDS = 5
PROBES = 3
DEAD_SECONDS = PROBE_SECONDS * PROBES

# By name, for not every system has them all.
TCP_OPTIONS = {
    "TCP_KEEPIDLE": PROBE_SECONDS,
    "TCP_KEEPINTVL": PROBE_SECONDS,
    "TCP_KEEPCNT": PROBES,
    "TCP_USER_TIMEOUT": 1000 * DEAD_SECONDS,  # of what was sent and is not acknowledged
}


def layer_host(url: str) -> dict[str, Any]:
    """An entry of the layer's `hosts` for REDIS_URL."""
    if url.startswith("unix:"):
        return {"address": url}
    options = {getattr(socket, name): value for name, value in TCP_OPTIONS.items() if hasattr(socket, name)}
    return {"address": url, "socket_keepalive": True, "socket_keepalive_options": options}
