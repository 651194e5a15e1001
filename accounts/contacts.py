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
    return Block.objects.filter(owner_id=owner_id, person_id=person_id).exists()


def toggle_favourite(owner: User, person: User) -> bool:
    """Whether `person` is a favourite now."""
    favourite, made = Favourite.objects.get_or_create(owner=owner, person=person)
    if not made:
        favourite.delete()
    return made


def toggle_block(owner: User, person: User) -> bool:
    """Whether `person` is blocked now; someone who is blocked is no favourite."""
    block, made = Block.objects.get_or_create(owner=owner, person=person)
    if made:
        Favourite.objects.filter(owner=owner, person=person).delete()
    else:
        block.delete()
    return made
