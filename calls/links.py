"""What is done with links: made, looked at, entered, paused, revoked."""

from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from accounts.derived_secret import new_number
from accounts.models import User
from accounts.plain_text import printable

from . import clock, guessing, switchboard
from .core.vocabulary import LinkState
from .exchange import exchange
from .link_secret import number_of
from .models import Guest, GuestMessage, Leg, Link
from .models.link import MESSAGE_LENGTH

# So many links may one person mail within an hour.
MAILS = 30
MAILS_SECONDS = 3600

# A guest says what they came for; more is a conversation.
MESSAGES_A_GUEST = 5


class Closed(Exception):
    """The link lets nobody in now, and why. `link` is None for the unknown."""

    def __init__(self, state: LinkState, link: Link | None = None) -> None:
        super().__init__(state)
        self.state = state
        self.link = link


class PasscodeNeeded(Exception):
    """It is open, for who knows the passcode. `wrong`: one was given, and is not it."""

    def __init__(self, *, wrong: bool) -> None:
        super().__init__()
        self.wrong = wrong


class MustWait(Exception):
    """Too many wrong tries from this address."""


def make(owner: User, *, passcode: str = "", **facts: Any) -> Link:
    return Link.objects.create(
        owner=owner,
        number=new_number(),
        passcode=make_password(passcode) if passcode else "",
        made_at=clock.now(),
        **facts,
    )


def personal(owner: User) -> Link | None:
    """This person's own link; None if it is turned off."""
    return Link.objects.of(owner.pk).filter(personal=True).first()


@transaction.atomic
def renew_personal(owner: User) -> Link:
    """A new personal link, which also turns it on; the old one is dead."""
    old = personal(owner)
    if old is not None:
        revoke(old)
    try:
        with transaction.atomic():
            return make(owner, personal=True)
    except IntegrityError:  # made in another tab in the same moment
        return Link.objects.of(owner.pk).get(personal=True)


def others(owner: User) -> QuerySet[Link]:
    """The links that this person has made, newest first."""
    return Link.objects.of(owner.pk).filter(personal=False)


def pause(link: Link, paused: bool) -> None:
    """A paused link lets nobody call; a call that is going on stays."""
    link.paused_at = clock.now() if paused else None
    link.save(update_fields=["paused_at"])


def revoke(link: Link) -> None:
    """For good: nobody gets in any more, and the guests who are in are sent away, their calls ended."""
    link.revoked_at = clock.now()
    link.save(update_fields=["revoked_at"])
    transaction.on_commit(lambda: exchange.sign_out(link=link.pk))
    transaction.on_commit(lambda: switchboard.force_end_calls_by(link.pk))


def mail(link: Link, address: str, to: str, note: str) -> None:
    """Send the link's `address` to somebody. Raises `ValueError` if its owner has sent too many of late."""
    key = f"earshot:mailed:{link.owner_id}"
    cache.add(key, 0, MAILS_SECONDS)
    if cache.incr(key) > MAILS:
        raise ValueError(_("That is a lot of mail. Wait an hour, or send the address yourself."))
    context = {"link": link, "address": address, "note": note}
    subject = _("%(name)s asks you to call") % {"name": link.owner.name}
    EmailMessage(subject, render_to_string("calls/link_mail.txt", context), to=[to], reply_to=[link.owner.email]).send()


def look(secret: str, passcode: str, address: str, guest: Guest | None = None) -> Link:
    """The open link of this secret, for somebody at this network address. Uses nothing up.

    `guest`: somebody whom a link has let in before. If it was this one, they need no passcode again, and come back to
    a call that goes on whatever the link has become. Raises `Closed`, `PasscodeNeeded` or `MustWait`. A mistyped secret
    and one that never was look alike.
    """
    return _open(Link.objects.all(), secret, passcode, address, guest)


def enter(secret: str, passcode: str, address: str, *, name: str, line: str) -> Guest:
    """Let somebody in, which uses the link once. Raises as `look`; of two at once a single use lets in one."""
    with transaction.atomic():
        link = _open(Link.objects.select_for_update(of=("self",)), secret, passcode, address)
        link.uses += 1
        link.save(update_fields=["uses"])
        return Guest.objects.create(link=link, name=name, line=line, entered_at=clock.now())


def leave_message(guest: Guest, text: str) -> None:
    """Put a text of the guest's into the owner's Recents. Raises `ValueError` with what to do."""
    text = printable(text).strip()
    if not text:
        raise ValueError(_("Write something first."))
    if len(text) > MESSAGE_LENGTH:
        raise ValueError(_("That is too long. Say it in %(n)d characters.") % {"n": MESSAGE_LENGTH})
    if guest.link.revoked_at is not None or guest.messages.count() >= MESSAGES_A_GUEST:
        raise ValueError(_("You cannot leave another message."))
    GuestMessage.objects.create(guest=guest, text=text, left_at=clock.now())


def _open(links: QuerySet[Link], secret: str, passcode: str, address: str, guest: Guest | None = None) -> Link:
    number = number_of(secret)
    link = links.select_related("owner").filter(number=number).first() if number else None
    if link is None:
        if guessing.must_wait(address):
            raise MustWait
        guessing.was_wrong(address)
        raise Closed(LinkState.UNKNOWN)
    back = guest if guest is not None and guest.link_id == link.pk else None
    if back is not None and link.revoked_at is None and Leg.objects.of(back.pk).live().exists():
        return link
    if (state := link.state(clock.now(), back)) is not LinkState.OPEN:
        raise Closed(state, link)
    if back is not None:
        return link
    if link.passcode and not passcode:
        raise PasscodeNeeded(wrong=False)
    if link.passcode and guessing.must_wait(address, link.pk):
        raise MustWait
    if not link.accepts(passcode):
        guessing.was_wrong(address, link.pk)
        raise PasscodeNeeded(wrong=True)
    return link
