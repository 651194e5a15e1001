"""What happens to people that calls must follow at once: signing out, losing the right to be here, a block.

Signing out and closed accounts are also found by the steward within some seconds; these make it prompt.
"""

from typing import Any

from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.db.models.signals import post_save, pre_delete
from django.http import HttpRequest

from accounts.models import Block, User
from accounts.sessions import key_cycled, signed_out_everywhere

from . import switchboard
from .exchange import exchange


def connect() -> None:
    user_logged_out.connect(_signed_out, dispatch_uid="calls.signed_out")
    signed_out_everywhere.connect(_signed_out_everywhere, dispatch_uid="calls.signed_out_everywhere")
    key_cycled.connect(_key_cycled, dispatch_uid="calls.key_cycled")
    pre_delete.connect(_erased, sender=User, dispatch_uid="calls.user_erased")
    post_save.connect(_saved, sender=User, dispatch_uid="calls.user_saved")
    post_save.connect(_blocked, sender=Block, dispatch_uid="calls.blocked")


def _signed_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    """This session's sockets close, and the calls on its devices end."""
    key = request.session.session_key if request is not None else None
    if user is not None and key:
        exchange.sign_out(session=key)


def _signed_out_everywhere(person: User, **_: Any) -> None:
    exchange.sign_out(person=person.pk)
    switchboard.force_end_calls_of(person.pk)


def _key_cycled(old: str, new: str, **_: Any) -> None:
    exchange.rekey(old=old, new=new)


def _saved(instance: User, created: bool, **_: Any) -> None:
    if created or instance.is_active:
        return
    transaction.on_commit(lambda: _signed_out_everywhere(instance))


def _erased(instance: User, **_: Any) -> None:
    """The other side keeps its record of each call; what tells of this side's devices and connection goes."""
    switchboard.forget_person(instance.pk)


def _blocked(instance: Block, created: bool, **_: Any) -> None:
    if created:
        transaction.on_commit(lambda: switchboard.force_end_calls_between(instance.owner_id, instance.person_id))
