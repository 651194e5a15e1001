"""Links: addresses that ring their owner; and the guests who came by them.

A link's secret is not here, only the number that it is derived from (accounts/derived_secret.py).
"""

from datetime import datetime, time, timedelta
from typing import Self
from uuid import uuid4
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.derived_secret import NUMBER_LENGTH
from accounts.models import NAME_LENGTH, hue_of, initials_of
from calls.core.vocabulary import Kind, LinkState

from .call import WORD_LENGTH, Leg, choices

TITLE_LENGTH = 80
LINE_LENGTH = 200
MESSAGE_LENGTH = 1000

WEEKDAYS = "0123456"
"""Monday to Sunday, as `datetime.weekday` counts them."""


class LinkQuerySet(models.QuerySet["Link"]):
    def of(self, owner: object) -> Self:
        """The links that this person may see and change: their own that they have not revoked."""
        return self.filter(owner=owner, revoked_at=None)


class Link(models.Model):
    """An address that rings its owner.

    `uses` counts the guests that were let in, up to `max_uses`. The hours (`opens_at`, `closes_at` on `weekdays`)
    are in `time_zone`; they may span midnight, and then belong to the day they begin on.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="links", verbose_name=_("owner")
    )
    number = models.CharField(max_length=NUMBER_LENGTH, unique=True, editable=False)
    personal = models.BooleanField(_("personal"), default=False)
    title = models.CharField(_("what it is for"), max_length=TITLE_LENGTH, blank=True)
    kind = models.CharField(_("kind"), max_length=WORD_LENGTH, choices=choices(Kind), default=Kind.VIDEO)
    valid_from = models.DateTimeField(_("valid from"), null=True, blank=True)
    valid_until = models.DateTimeField(_("valid until"), null=True, blank=True)
    max_uses = models.PositiveIntegerField(_("how many guests"), null=True, blank=True)
    uses = models.PositiveIntegerField(_("guests so far"), default=0)
    passcode = models.CharField(max_length=128, blank=True, editable=False)
    weekdays = models.CharField(_("weekdays"), max_length=7, default=WEEKDAYS)
    opens_at = models.TimeField(_("from"), null=True, blank=True)
    closes_at = models.TimeField(_("until"), null=True, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    made_at = models.DateTimeField(_("made at"))
    paused_at = models.DateTimeField(_("paused at"), null=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True)

    objects = LinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("link")
        verbose_name_plural = _("links")
        ordering = ("-made_at",)
        constraints = (
            models.UniqueConstraint(
                name="one_personal_link", fields=["owner"], condition=Q(personal=True, revoked_at=None)
            ),
            models.CheckConstraint(
                name="link_not_overused", condition=Q(max_uses=None) | Q(uses__lte=models.F("max_uses"))
            ),
        )

    def __str__(self) -> str:
        return self.title or str(self.id)

    def state(self, now: datetime, guest: "Guest | None" = None) -> LinkState:
        """What it is to somebody new or, if given, to a guest whom it has let in before."""
        if self.revoked_at is not None or not self.owner.is_active:
            return LinkState.REVOKED
        if self.paused_at is not None:
            return LinkState.PAUSED
        if self.valid_from is not None and now < self.valid_from:
            return LinkState.NOT_YET
        if self.valid_until is not None and now >= self.valid_until:
            return LinkState.EXPIRED
        if self.max_uses is not None and (guest.has_talked() if guest else self.uses >= self.max_uses):
            return LinkState.USED_UP
        if not self._is_within_hours(now):
            return LinkState.OUT_OF_HOURS
        return LinkState.OPEN

    def accepts(self, passcode: str) -> bool:
        return not self.passcode or check_password(passcode, self.passcode)

    def _is_within_hours(self, now: datetime) -> bool:
        local = now.astimezone(ZoneInfo(self.time_zone))
        opens, closes = self.opens_at or time.min, self.closes_at or time.min
        today, clock = str(local.weekday()), local.time()
        if opens < closes:
            return today in self.weekdays and opens <= clock < closes
        yesterday = str((local - timedelta(days=1)).weekday())
        return (today in self.weekdays and clock >= opens) or (yesterday in self.weekdays and clock < closes)


class Guest(models.Model):
    """Somebody who was let in by a link: a name and a line that they gave, tied to that link and one session."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    link = models.ForeignKey(Link, on_delete=models.CASCADE, related_name="guests", verbose_name=_("link"))
    name = models.CharField(_("name"), max_length=NAME_LENGTH)
    line = models.CharField(_("what it is about"), max_length=LINE_LENGTH, blank=True)
    entered_at = models.DateTimeField(_("let in at"))

    class Meta:
        verbose_name = _("guest")
        verbose_name_plural = _("guests")
        ordering = ("-entered_at",)

    def __str__(self) -> str:
        return self.name

    @property
    def initials(self) -> str:
        return initials_of(self.name)

    @property
    def hue(self) -> int:
        return hue_of(self.id)

    def has_talked(self) -> bool:
        """Whether a call of theirs was answered: what a use of a link was for."""
        return Leg.objects.filter(guest=self, call__answered_at__isnull=False).exists()


class GuestMessage(models.Model):
    """What a guest wrote when nobody answered; it stands in the owner's Recents."""

    guest = models.ForeignKey(Guest, on_delete=models.CASCADE, related_name="messages", verbose_name=_("guest"))
    text = models.TextField(_("text"), max_length=MESSAGE_LENGTH)
    left_at = models.DateTimeField(_("left at"), db_index=True)
    seen_at = models.DateTimeField(_("seen at"), null=True)

    class Meta:
        verbose_name = _("message of a guest")
        verbose_name_plural = _("messages of guests")
        ordering = ("-left_at",)

    def __str__(self) -> str:
        return f"{self.guest}: {self.text[:40]}"
