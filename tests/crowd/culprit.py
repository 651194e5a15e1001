"""A page that does harm, in a process of its own: `python -m tests.crowd.culprit {deaf,flood} URL ORIGIN COOKIE`.

It comes again whenever it is closed, until it is killed. `python -m tests.crowd.culprit busy SHARE` talks to nobody,
and uses this share of a core: what of the harm is none of the server's. Each writes a line when it begins.
"""

import json
import secrets
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic, process_time, sleep
from urllib.parse import urlsplit
from uuid import uuid4

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

# How long a page waits before it comes back, on average.
PAUSE_SECONDS = 0.5

FLOOD_PER_SECOND = 1000

# In so many pieces a second does the busy one use its share.
PIECES_PER_SECOND = 100

# What costs the server most for a frame that is allowed: a question of 20 KiB, with an answer of 30.
QUESTION = json.dumps({"type": "presence.watch", "id": "w", "people": [str(uuid4()) for _ in range(500)]})


def deaf(page: ClientConnection) -> None:
    """Asks as often as it may, and reads none of the answers."""
    for _ in range(150):
        page.send(QUESTION)
    for _ in ticks(40):
        page.send(QUESTION)


def flood(page: ClientConnection) -> None:
    for _ in ticks(FLOOD_PER_SECOND):
        page.send('{"type": "ping"}')


def busy(share: float) -> None:
    used = process_time()
    for _ in ticks(PIECES_PER_SECOND):
        used += share / PIECES_PER_SECOND
        while process_time() < used:
            pass


def ticks(per_second: int) -> Iterator[int]:
    """Numbers at this rate, however late the one who takes them has come."""
    began, number = monotonic(), 0
    while True:
        sleep(max(0, began + number / per_second - monotonic()))
        yield number
        number += 1


def visit(url: str, origin: str, cookie: str, misbehave: Callable[[ClientConnection], None]) -> None:
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024)
    small.connect(("127.0.0.1", urlsplit(url).port))
    page = connect(
        url,
        legacy=True,
        sock=small,
        origin=Origin(origin),
        additional_headers={"Cookie": cookie},
        compression=None,
        max_queue=1,
        close_timeout=0,
        ping_interval=None,
    )
    try:
        page.send(json.dumps({"type": "hello", "protocol": 1, "device": secrets.token_urlsafe(16)}))
        page.recv()
        misbehave(page)
    finally:
        small.close()


def come_again_and_again(how: str, url: str, origin: str, cookie: str) -> None:
    while True:
        with suppress(ConnectionClosed, OSError):
            visit(url, origin, cookie, {"deaf": deaf, "flood": flood}[how])
        sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    sys.stdout.write("Here I am.\n")
    sys.stdout.flush()
    match sys.argv[1:]:
        case ["busy", share]:
            busy(float(share))
        case [how, *where]:
            come_again_and_again(how, *where)
