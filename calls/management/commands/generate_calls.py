"""Fill a database with made-up calls, for screenshots and for measuring."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError
from django.utils.crypto import get_random_string

from accounts.models import User
from calls import clock, links
from calls.made_up import MadeUp
from calls.models import Call, Guest

NAMES = (
    "Ana Duarte", "Ben Fischer", "Chen Wei", "Dora Novak", "Emil Berg", "Fatima Haddad", "Goran Ilic", "Hana Sato",
    "Ines Moreau", "Jonas Lindqvist", "Kofi Mensah", "Lena Vogel", "Mira Okafor", "Nils Aas", "Olga Petrova",
    "Pavel Dvorak",
)  # fmt: skip
PEOPLE_MAX = 500
GUESTS = ("Gwen Okoye", "Harper Lee", "Ivo Marin", "June Park")


class Command(BaseCommand):
    help = "Fill the database with made-up calls. Refuses where there are calls already, unless told --among-real-ones."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("count", type=int, nargs="?", default=1000, help="how many calls (1000)")
        parser.add_argument("--days", type=int, default=90, help="over how many days up to now (90)")
        parser.add_argument("--told", type=int, default=500, help="how many of them with journal and samples (500)")
        parser.add_argument("--seed", type=int, help="the same seed gives the same calls")
        parser.add_argument("--among-real-ones", action="store_true", help="although there are calls already")

    def handle(self, **options: Any) -> None:
        if options["count"] < 1 or options["days"] < 1:
            raise CommandError("Ask for at least one call and one day.")
        if Call.objects.exists() and not options["among_real_ones"]:
            raise CommandError("There are calls in this database; made-up ones could not be told from them afterwards.")
        people = list(User.objects.active()[:PEOPLE_MAX])
        if len(people) < len(NAMES):
            people += [self._person(name) for name in NAMES[: len(NAMES) - len(people)]]
        made_up = MadeUp(people, self._guests(people), until=clock.now(), days=options["days"], seed=options["seed"])
        try:
            made_up.save(options["count"], told=options["told"])
        except IntegrityError:
            raise CommandError("These very calls are there already: choose another --seed.") from None
        self.stdout.write(f"{options['count']} made-up calls between {len(people)} people are in the database.")

    def _person(self, name: str) -> User:
        """Nobody can sign in as them: they have no password."""
        handle = f"{name.split()[0].lower()}.{get_random_string(4, 'abcdefghijklmnopqrstuvwxyz')}"
        return User.objects.create_user(handle, f"{handle}@example.invalid", name=name)

    def _guests(self, people: list[User]) -> list[Guest]:
        made = [links.make(owner, title="Interview") for owner in people[:3]]
        guests = [Guest(link=link, name=name, entered_at=clock.now()) for link in made for name in GUESTS]
        return Guest.objects.bulk_create(guests)
