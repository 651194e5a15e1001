"""Breadth first through every world that can be reached, so that what is found is found by the shortest way."""

from dataclasses import dataclass

from .moves import Model
from .properties import broken_by, broken_in
from .world import Guards, Scenario, World

DEAD_END = (
    "Whatever happens, it can still come right: every ring ends, every command is answered, every screen is true."
)


@dataclass(frozen=True)
class Found:
    """How many worlds there are and, if a property breaks, the sentence and the steps that lead there."""

    worlds: int
    broken: str = ""
    trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        steps = "\n".join(f"  {number}. {step}" for number, step in enumerate(self.trace, 1))
        return f"{self.worlds} worlds. {self.broken}\n{steps}"


def explore(scenario: Scenario, guards: Guards | None = None) -> Found:
    model = Model(scenario, guards or Guards())
    start = model.begin()
    came: dict[World, tuple[World, str] | None] = {start: None}
    leads: dict[World, list[World]] = {}
    frontier = [start]
    while frontier:
        following: list[World] = []
        for world in frontier:
            for label, fair, after in model.moves(world):
                if after.calls is not world.calls or after.answers is not world.answers:
                    after = model.without_spent(after)
                if after == world:
                    continue
                for sentence in broken_by(model, world, label, after):
                    return Found(len(came), sentence, (*_trace(came, world), label))
                if fair:
                    leads.setdefault(after, []).append(world)
                if after in came:
                    continue
                came[after] = (world, label)
                for sentence in broken_in(model, after):
                    return Found(len(came), sentence, _trace(came, after))
                following.append(after)
        frontier = following
    return _dead_end(model, came, leads) or Found(len(came))


def _dead_end(
    model: Model, came: dict[World, tuple[World, str] | None], leads: dict[World, list[World]]
) -> Found | None:
    """The first world from which fair moves alone lead to no settled one."""
    hopeful = {world for world in came if model.is_settled(world)}
    frontier = list(hopeful)
    while frontier:
        for before in leads.get(frontier.pop(), ()):
            if before not in hopeful:
                hopeful.add(before)
                frontier.append(before)
    lost = next((world for world in came if world not in hopeful), None)
    return lost and Found(len(came), DEAD_END, _trace(came, lost))


def _trace(came: dict[World, tuple[World, str] | None], world: World) -> tuple[str, ...]:
    steps: list[str] = []
    while (step := came[world]) is not None:
        world, label = step
        steps.append(label)
    return tuple(reversed(steps))
