"""Invitations to make an account, where sign-up is not open to everybody."""

from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from .derived_secret import new_number, number_of, secret_of
from .models import Invitation, InvitationState, User

PURPOSE = "accounts.invitation"

# Where the session of somebody who opened an invitation keeps its id.
SESSION_KEY = "invitation"


def may_invite(user: User) -> bool:
    """Admins may, and members where the setting says so; nobody where sign-up is closed."""
    if settings.EARSHOT_SIGN_UP == "closed":
        return False
    return user.is_staff or settings.EARSHOT_MEMBERS_INVITE


def seen_by(user: User) -> QuerySet[Invitation]:
    """Admins see all, others their own."""
    every = Invitation.objects.select_related("made_by", "used_by")
    return every if user.is_staff else every.filter(made_by=user)


def make(made_by: User, email: str, lasts: timedelta) -> Invitation:
    return Invitation.objects.create(
        number=new_number(), made_by=made_by, email=email, expires_at=timezone.now() + lasts
    )


def secret(invitation: Invitation) -> str:
    return secret_of(invitation.number, PURPOSE)


def find(text: str) -> Invitation | None:
    """The invitation of this secret, in whatever state; None for any other text."""
    number = number_of(text, PURPOSE)
    return Invitation.objects.select_related("made_by").filter(number=number).first() if number else None


def mail(invitation: Invitation, address: str) -> None:
    """Send it to its address. Raises `OSError` if the mail server does not take it."""
    subject = _("%(name)s invites you to Earshot") % {"name": invitation.made_by.name}
    text = render_to_string("accounts/invitation_mail.txt", {"invitation": invitation, "address": address})
    EmailMessage(subject, text, to=[invitation.email], reply_to=[invitation.made_by.email]).send()


def revoke(invitation: Invitation) -> None:
    Invitation.objects.filter(pk=invitation.pk, used_at=None).update(revoked_at=timezone.now())


def opened(request: HttpRequest) -> Invitation | None:
    """The invitation that this browser has opened, if it is good still."""
    if settings.EARSHOT_SIGN_UP == "closed" or not (id_ := request.session.get(SESSION_KEY)):
        return None
    invitation = Invitation.objects.select_related("made_by").filter(pk=id_).first()
    return invitation if invitation and invitation.state(timezone.now()) is InvitationState.OPEN else None


def claim(invitation: Invitation) -> bool:
    """Use it up: of two at once, one may."""
    now = timezone.now()
    good = Invitation.objects.filter(pk=invitation.pk, used_at=None, revoked_at=None, expires_at__gt=now)
    return good.update(used_at=now) == 1
