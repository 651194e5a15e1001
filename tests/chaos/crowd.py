"""The people, their devices, and who calls whom when."""

from dataclasses import dataclass
from random import Random
from time import time
from uuid import UUID

from .records import Records
from .script import PersonScript, Play
from .signaling import Door
from .stack import Stack
from .telephone import Telephone

# So many of all people have a second device.
TWO_DEVICES = 0.2
# So many calls go to the neighbour, who may be calling back at this moment; so many to anybody, in a call or not.
NEIGHBOUR, ANYBODY = 0.3, 0.1


@dataclass(frozen=True)
class Account:
    person: UUID
    cookie: str


class Crowd:
    def __init__(self, accounts: list[Account], stack: Stack, records: Records, random: Random) -> None:
        self.play = Play()
        self.phones: list[Telephone] = []
        self.placed = 0
        self._accounts = accounts
        self._stack = stack
        self._records = records
        self._random = random
        self._scripts: dict[str, PersonScript] = {}
        self._addresses = 0

    def open(self) -> None:
        for number, _ in enumerate(self._accounts):
            self.open_device(number)
            if self._random.random() < TWO_DEVICES:
                self.open_device(number)

    def open_device(self, number: int) -> None:
        """One more page for this person, at an address of its own."""
        account = self._accounts[number]
        self._addresses += 1
        address = f"127.{1 + self._addresses // 65536}.{self._addresses // 256 % 256}.{self._addresses % 256}"
        door = Door(self._stack.socket_url, self._stack.origin, account.cookie, address)
        random = Random(self._random.random())
        self.phones.append(Telephone(str(account.person), door, self._records, random, self._script))

    def replace_device(self, phone: Telephone) -> None:
        """The tab is closed; the person comes back with another."""
        phone.close()
        self.phones.remove(phone)
        self.open_device(next(n for n, each in enumerate(self._accounts) if str(each.person) == phone.person))

    async def place_calls(self, count: int, per_second: float) -> None:
        """Until so many have been placed, or the play ends."""
        while self.placed < count and not self.play.closing.is_set():
            await self.play.pause(self._random.expovariate(per_second))
            free = [phone for phone in self.phones if not phone.busy]
            if free:
                phone = self._random.choice(free)
                phone.do(self._scripts[phone.device].place(self._callee(phone)))
                self.placed += 1

    def hold(self, seconds: float) -> None:
        """Nobody who is in a call hangs up for so long."""
        for call in [call for phone in self.phones for call in phone.talks]:
            self.play.held[call] = time() + seconds

    def lose(self, calls: int) -> None:
        """The pages at both ends of so many calls are closed: only the steward can end those."""
        talks = [call for phone in self.phones for call in phone.talks]
        for call in sorted({call for call in talks if talks.count(call) == 2})[:calls]:
            for phone in [phone for phone in self.phones if call in phone.talks]:
                phone.close()
                self.phones.remove(phone)

    def close(self) -> None:
        for phone in self.phones:
            phone.close()

    def _callee(self, phone: Telephone) -> str:
        people = [str(account.person) for account in self._accounts]
        will = self._random.random()
        if will < NEIGHBOUR:
            return people[(people.index(phone.person) ^ 1) % len(people)]
        busy = {each.person for each in self.phones if each.busy and will < 1 - ANYBODY}
        others = [person for person in people if person != phone.person]
        return self._random.choice([person for person in others if person not in busy] or others)

    def _script(self, phone: Telephone) -> PersonScript:
        self._scripts[phone.device] = script = PersonScript(self.play, phone)
        return script
