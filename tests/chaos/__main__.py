"""Places calls while parts are killed, restarted and cut off, and prints which promises were kept.

`python -m tests.chaos` leaves with 1 if one was broken. The parts and the database are its own, and gone afterwards.
"""

import os
import signal
import sys
import tempfile
from argparse import ArgumentParser, Namespace

from tests.support.postgres import Postgres

from .profile import AS_IN_PRODUCTION, SHORT


def options() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.chaos", description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=3000, help="place so many at most")
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=300, help="for so long at most; then everybody hangs up")
    parser.add_argument(
        "--short", action="store_true", help="leases, graces and absences of some seconds: each fault soon, and once"
    )
    parser.add_argument("--seed", type=int, default=1, help="decides who does what and what breaks, not how fast")
    return parser.parse_args()


def main() -> int:
    wanted = options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))  # not without putting the parts away
    with tempfile.TemporaryDirectory(prefix="earshot-chaos-") as data:
        postgres = Postgres()
        try:
            postgres.start()
            os.environ |= {
                "DJANGO_SETTINGS_MODULE": "config.settings",
                "DATABASE_URL": postgres.url,
                "EARSHOT_DATA": data,
            }
            # Not before: what it imports wants Django set up on this database.
            from .play import play

            profile = SHORT if wanted.short else AS_IN_PRODUCTION
            report, kept = play(postgres, profile, wanted.people, wanted.calls, wanted.seconds, wanted.seed)
        finally:
            postgres.remove()
    sys.stdout.write(f"{wanted.people} people, {wanted.seconds:.0f} s, seed {wanted.seed}\n\n{report}\n")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
