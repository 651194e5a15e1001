"""What the accounts hold on a person, as plain values."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.admin.models import LogEntry
from django.db.models import Q

from .models import Block, Favourite, Invitation, User


def held_on(person: User) -> dict[str, Any]:
    """For an export: no password, no secret, of others only the handle, and not who has blocked them.

    Of the admin's log: what was done about them, not by whom; and what they did as an admin, not about whom.
    """
    fields = ("id", "name", "handle", "email", "is_active", "is_staff", "is_superuser", "date_joined", "last_login",
              "last_seen_at", "do_not_disturb_until", "hide_address", "call_waiting")  # fmt: skip
    about_them = LogEntry.objects.filter(object_id=str(person.pk))
    theirs = LogEntry.objects.filter(user=person).exclude(object_id=str(person.pk))
    return {
        "account": {name: getattr(person, name) for name in fields},
        "groups": list(person.groups.values_list("name", flat=True)),
        "email_addresses": list(EmailAddress.objects.filter(user=person).values("email", "verified", "primary")),
        "second_steps": list(Authenticator.objects.filter(user=person).values("type", "created_at", "last_used_at")),
        "favourites": list(Favourite.objects.filter(owner=person).values_list("person__handle", flat=True)),
        "blocked": list(Block.objects.filter(owner=person).values("person__handle", "made_at")),
        "invitations": list(
            Invitation.objects.filter(Q(made_by=person) | Q(used_by=person)).values(
                "email", "made_by__handle", "made_at", "expires_at", "revoked_at", "used_at", "used_by__handle"
            )
        ),
        "admin_log": list(about_them.values("action_time", "action_flag", "object_repr", "change_message")),
        "own_acts_as_admin": list(
            theirs.values("action_time", "action_flag", "content_type__app_label", "content_type__model")
        ),
    }
