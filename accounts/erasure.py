"""Erases a person: nothing that names them is left, and what others have with them stays theirs."""

from allauth.account.models import EmailAddress
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q, QuerySet

from . import log_scrubbing
from .models import Invitation, User


def erase(person: User) -> None:
    """Delete the account and every trace of the name, the handle, the address and the id. There is no way back.

    First it is closed, so that sockets close and calls end as for anybody who is closed. What refers to the person is
    deleted with them or, where it is others' record too, left without a name (`on_delete` of each model says which);
    who knows more of people than that listens to `pre_delete`.
    """
    person.is_active = False
    person.save(update_fields=["is_active"])
    with transaction.atomic():
        _sessions_of(person).delete()
        log_scrubbing.scrub(person)
        Invitation.objects.filter(Q(email__iexact=person.email) | Q(used_by=person)).update(email="")
        EmailAddress.objects.filter(email__iexact=person.email).delete()
        person.delete()


def _sessions_of(person: User) -> QuerySet[Session]:
    """A session's row says whose it is only when it is opened."""
    own = [row.pk for row in Session.objects.iterator() if row.get_decoded().get(SESSION_KEY) == str(person.pk)]
    return Session.objects.filter(pk__in=own)
