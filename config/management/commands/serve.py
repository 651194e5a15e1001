"""`manage.py serve`: everything between a fresh checkout and a page that opens. `./run` calls it.

Brings the database and the static files up to date, makes the local certificate if asked to, and runs daphne in
this process, so that the limits it needs are set here and nowhere else.
"""

import asyncio
import gc
import logging
import os
import resource
import socket
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import autoreload

from accounts.setup import setup_url
from calls.core.protocol import FRAME_BYTES
from config import alone, certificates
from config.preparing import prepare
from config.steps import Steps

# A half-open socket is noticed after both together (docs/holding.md, trap 13).
PING_INTERVAL = PING_TIMEOUT = 10

# After a restart everybody knocks at once. Whom the kernel cannot keep waiting tries again after 1, 3, 7, 15 … s.
BACKLOG = 4096

# So many new objects, collections of the young, and of those between, before each next (Python's are 700, 10, 10).
COLLECT_AFTER = (50_000, 10, 10)

# What a process of ours may have open, if the system lets it: far more sockets than one can serve.
OPEN_FILES = 65_536


class Command(BaseCommand):
    help = "Serve Earshot with daphne: pages, static files and the socket."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--https", action="store_true", help="TLS with a local certificate authority")
        parser.add_argument("--demo", action="store_true", help="add some people to try it with")
        parser.add_argument("--dev", action="store_true", help="load again when a Python file changes")

    def handle(self, *args: Any, **options: Any) -> None:
        self.started = time.monotonic()
        if os.environ.get(autoreload.DJANGO_AUTORELOAD_ENV) != "true":  # not again in the reloaded child
            _check_port(options["host"], options["port"])
        if options["dev"]:
            autoreload.run_with_reloader(self.serve, **options)
        else:
            self.serve(**options)

    def serve(self, **options: Any) -> None:
        _allow_many_sockets()
        self.alone = () if settings.REDIS_URL else _be_alone()
        prepare(Steps(self.stdout))
        if options["demo"]:
            call_command("demo", stdout=self.stdout)
        door = f"port={options['port']}:interface={_escape(options['host'])}:backlog={BACKLOG}"
        endpoint = f"tcp:{door}"
        if options["https"]:
            authority = certificates.ensure(settings.DATA / "tls", settings.ALLOWED_HOSTS)
            endpoint = (
                f"ssl:{door}:privateKey={_escape(str(authority.key))}:certKey={_escape(str(authority.certificate))}"
            )
            self.stdout.write(certificates.how_to_trust(authority.root))
        self.run_daphne(endpoint, in_main_thread=not options["dev"])

    def run_daphne(self, endpoint: str, in_main_thread: bool) -> None:
        # Not before: importing it installs the reactor.
        from calls import background
        from config.asgi import application
        from config.server import GentleServer

        logging.getLogger("daphne").setLevel(logging.WARNING)

        def ready() -> None:
            asyncio.get_event_loop().create_task(background.start())
            if in_main_thread:
                server.obey_signals()
            _spare_the_collector()
            self.announce()

        server = GentleServer(
            application,
            endpoints=[endpoint],
            ready_callable=ready,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            websocket_timeout=-1,
            websocket_max_message_size=FRAME_BYTES,
            websocket_max_frame_size=FRAME_BYTES,
            server_name="earshot",
        )
        server.run()

    def announce(self) -> None:
        origin = settings.EARSHOT_ORIGINS[0]
        self.stdout.write(f"Ready after {time.monotonic() - self.started:.1f} s.\n")
        if address := setup_url(origin):
            self.stdout.write(f"\nFirst, make the admin account; this address works once:\n\n    {address}")
        self.stdout.write(f"\nEarshot is at:\n\n    {origin}\n")
        self.stdout.write("Stop it with Ctrl+C.")
        self.stdout.flush()


def _spare_the_collector() -> None:
    """Python would walk through all that lives again and again, and everybody waits meanwhile: 80 ms for Django alone,
    400 ms with 5,000 sockets. What is there now stays, and of the rest it looks at the young more than at the old."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def _be_alone() -> tuple[object, ...]:
    """What must be kept until the process ends."""
    try:
        return alone.hold(settings.DATA), alone.hold_database()
    except alone.NotAlone as other:
        raise CommandError(
            f"{other} already, and without Redis the two could not ring each other's people. "
            "Stop it, or set REDIS_URL for both."
        ) from None


def _allow_many_sockets() -> None:
    """Each socket is an open file, of which a shell usually allows 1,024, though the system would allow more."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
    if allowed < enough:
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, most))


def _check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as error:
            raise CommandError(
                f"Cannot listen on {host}, port {port}: {error.strerror}. "
                f"Choose another port, for example: ./run --port {port + 1}"
            ) from None


def _escape(text: str) -> str:
    """For a Twisted endpoint description, where a colon ends an argument."""
    return text.strip("[]").replace("\\", r"\\").replace(":", r"\:")
