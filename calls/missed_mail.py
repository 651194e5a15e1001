"""E-mail about missed calls, for those who want it: one digest of all that they have not looked at."""

import logging
from datetime import datetime, timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused

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

# From here on a mail server's answer is for good (RFC 5321 section 4.2.1).
PERMANENT = 500

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
    sent = 0
    for wish in MissedMail.objects.filter(user__is_active=True).select_related("user"):
        now = clock.now()
        missed = history.unseen_since(wish.user, wish.told_until, now)
        if not missed or missed[-1].placed_at > now - WAIT:
            continue
        if MissedMail.objects.filter(pk=wish.pk, told_until=wish.told_until).update(told_until=now) != 1:
            continue
        try:
            _send(wish.user, missed)
        except (SMTPRecipientsRefused, SMTPDataError) as refusal:  # theirs is no good; the others' may be
            if _is_permanent(refusal):
                logger.warning("The mail server refuses mail for the person %s for good: %s", wish.pk, _codes(refusal))
            else:
                logger.info("The mail server takes no mail for the person %s now: %s", wish.pk, _codes(refusal))
                _restore(wish, now)
        except Exception:  # the mail server is away, or lets nobody send: these are told with the next
            _restore(wish, now)
            raise
        else:
            sent += 1
    return sent


def _restore(wish: MissedMail, claimed: datetime) -> None:
    MissedMail.objects.filter(pk=wish.pk, told_until=claimed).update(told_until=wish.told_until)


def _is_permanent(refusal: SMTPRecipientsRefused | SMTPDataError) -> bool:
    return all(code >= PERMANENT for code in _codes(refusal))


def _codes(refusal: SMTPRecipientsRefused | SMTPDataError) -> list[int]:
    if isinstance(refusal, SMTPDataError):
        return [refusal.smtp_code]
    return [code for code, _text in refusal.recipients.values()]


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
