"""Erases a person: nothing that names them is left, and what others have with them stays theirs."""

import re

from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q, QuerySet

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
        _scrub_admin_log(person)
        Invitation.objects.filter(Q(email__iexact=person.email) | Q(used_by=person)).update(email="")
        EmailAddress.objects.filter(email__iexact=person.email).delete()
        person.delete()


def _sessions_of(person: User) -> QuerySet[Session]:
    """A session's row says whose it is only when it is opened."""
    own = [row.pk for row in Session.objects.iterator() if row.get_decoded().get(SESSION_KEY) == str(person.pk)]
    return Session.objects.filter(pk__in=own)


def _scrub_admin_log(person: User) -> None:
    """What they did as an admin goes with them; what was done about them stays, without their name."""
    about = LogEntry.objects.filter(object_id=str(person.pk))
    about.update(object_repr="", object_id=None)
    traces = [person.handle, person.email, person.name, str(person.pk), person.pk.hex]
    pattern = re.compile("|".join(map(re.escape, sorted(traces, key=len, reverse=True))), re.IGNORECASE)
    mention = Q()
    for trace in traces:
        mention |= Q(change_message__icontains=trace) | Q(object_repr__icontains=trace)
    for entry in LogEntry.objects.filter(mention):
        entry.change_message = pattern.sub("…", entry.change_message)
        entry.object_repr = pattern.sub("…", entry.object_repr)
        entry.save(update_fields=["change_message", "object_repr"])
