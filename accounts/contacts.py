"""Who stands in whose list, and who keeps whom out."""

from uuid import UUID

from .models import Block, Favourite, User, UserQuerySet


def callable_by(user: User) -> UserQuerySet:
    """Everyone whom this person may call, by name. People who block them are among these, and must be."""
    return User.objects.active().exclude(pk=user.pk).by_name()


def favourites_of(user: User) -> UserQuerySet:
    return callable_by(user).filter(pk__in=Favourite.objects.filter(owner=user).values("person"))


def blocked_by(user: User) -> UserQuerySet:
    """Those whom this person has blocked, by name, closed accounts included."""
    return User.objects.get_queryset().filter(pk__in=Block.objects.filter(owner=user).values("person")).by_name()


def is_blocked(owner_id: UUID | str, person_id: UUID | str) -> bool:
    """Whether `owner` has blocked `person`."""
    return Block.objects.filter(owner=UUID(str(owner_id)), person=UUID(str(person_id))).exists()


def others_than(user: User) -> UserQuerySet:
    """Everybody else, closed accounts included."""
    return User.objects.get_queryset().exclude(pk=user.pk)


def set_favourite(owner: User, person: User, wanted: bool | None = None) -> bool:
    """Whether `person` is a favourite now: as wanted, or if None the other way round than before."""
    return _set(Favourite, owner, person, wanted)


def set_block(owner: User, person: User, wanted: bool | None = None) -> bool:
    """Whether `person` is blocked now. Who is blocked is no favourite."""
    blocked = _set(Block, owner, person, wanted)
    if blocked:
        Favourite.objects.filter(owner=owner, person=person).delete()
    return blocked


def _set(relation: type[Favourite] | type[Block], owner: User, person: User, wanted: bool | None) -> bool:
    rows = relation._default_manager.filter(owner=owner, person=person)
    if wanted is None:
        wanted = not rows.exists()
    if wanted:
        relation._default_manager.get_or_create(owner=owner, person=person)
    else:
        rows.delete()
    return wanted
