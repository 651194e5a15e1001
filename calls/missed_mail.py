"""E-mail about missed calls, for those who want it: one digest of all that they have not looked at."""

import logging
from datetime import timedelta
from smtplib import SMTPRecipientsRefused

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User

from . import clock, history
from .models import MissedMail

logger = logging.getLogger(__name__)

# The oldest missed call waits for so long: who is on line, or comes back soon, sees it without mail; several in a row
# come in one.
WAIT = timedelta(minutes=5)

# In one mail; more are only counted.
LISTED = 20


def set_wanted(user: User, wanted: bool) -> None:
    """From now on, or no more. What was missed before is not told."""
    if wanted:
        MissedMail.objects.get_or_create(user=user, defaults={"told_until": clock.now()})
    else:
        MissedMail.objects.filter(user=user).delete()


def is_wanted(user: User) -> bool:
    return MissedMail.objects.filter(user=user).exists()


def send_due() -> int:
    """Send every digest whose time has come; how many. Of several processes that look at once, one sends it."""
    now = clock.now()
    sent = 0
    for wish in MissedMail.objects.filter(user__is_active=True).select_related("user"):
        missed = history.unseen_since(wish.user, wish.told_until)
        if not missed or missed[-1].placed_at > now - WAIT:
            continue
        claim = MissedMail.objects.filter(pk=wish.pk, told_until=wish.told_until)
        if claim.update(told_until=now) != 1:
            continue
        try:
            _send(wish.user, missed)
        except SMTPRecipientsRefused:  # theirs is no good; the others' may be
            logger.warning("The mail server refuses the address of the person %s.", wish.pk)
            continue
        except OSError:  # the mail server is away: these are told with the next
            MissedMail.objects.filter(pk=wish.pk, told_until=now).update(told_until=wish.told_until)
            raise
        sent += 1
    return sent


def _send(user: User, missed: list[history.Entry]) -> None:
    subject = ngettext("You missed a call", "You missed %(n)d calls", len(missed)) % {"n": len(missed)}
    if len(missed) == 1 and missed[0].person is not None:
        name = missed[0].person.name
        subject = _("You missed a call from %(name)s") if missed[0].call else _("%(name)s left you a message")
        subject %= {"name": name}
    context = {
        "user": user,
        "missed": missed[:LISTED],
        "more": max(0, len(missed) - LISTED),
        "address": settings.EARSHOT_ORIGINS[0] + reverse("recents"),
        "settings_address": settings.EARSHOT_ORIGINS[0] + reverse("settings"),
    }
    EmailMessage(" ".join(subject.split()), render_to_string("calls/missed_mail.txt", context), to=[user.email]).send()
