"""Calls, their legs, and their journal. The call's row *is* its history record.

Only the switchboard writes a call or a leg, and only what `core.machine.decide` returned. Retention removes
rows; nothing else changes one after the call has ended, but `Leg.seen_at` and
`Leg.forgotten_at`.
"""

from typing import Self
from uuid import UUID, uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from calls.core import machine
from calls.core.vocabulary import (
    By,
    CallState,
    EndReason,
    EventName,
    FailureStage,
    Kind,
    LegState,
    Quality,
    Role,
    Route,
)

# The longest word of the vocabulary, with room.
WORD_LENGTH = 16
DEVICE_LENGTH = 64
CLIENT_LENGTH = 60
COMMAND_LENGTH = 64


def choices(words: type) -> list[tuple[str, str]]:
    return [(word.value, word.value.replace("_", " ")) for word in words]  # type: ignore[attr-defined]


class CallQuerySet(models.QuerySet["Call"]):
    def live(self) -> Self:
        return self.exclude(state=CallState.ENDED)

    def ringing(self) -> Self:
        """Said as a part of the live ones, whose small index SQLite takes only if it is named."""
        return self.live().filter(state=CallState.RINGING)


class Call(models.Model):
    """One attempt to talk, from the first ring to the end.

    `ringing_pair` holds the two people's ids in order while one rings the other, so that a unique constraint
    decides glare: of two people who call each other at once, the second finds the first's call. `talked_seconds`, from
    the answer to the end, is stored for querying, as the state is; so are `quality` and `route`, of the worse side.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    kind = models.CharField(_("kind"), max_length=WORD_LENGTH, choices=choices(Kind))
    state = models.CharField(_("state"), max_length=WORD_LENGTH, choices=choices(CallState))
    rev = models.PositiveIntegerField(_("revision"), default=1)
    placed_at = models.DateTimeField(_("placed at"))
    ring_expires_at = models.DateTimeField(_("rings until"))
    answered_at = models.DateTimeField(_("answered at"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    talked_seconds = models.PositiveIntegerField(_("length, s"), null=True)
    end_reason = models.CharField(_("end reason"), max_length=WORD_LENGTH, blank=True, choices=choices(EndReason))
    quality = models.CharField(_("quality"), max_length=WORD_LENGTH, blank=True, choices=choices(Quality))
    route = models.CharField(_("route"), max_length=WORD_LENGTH, blank=True, choices=choices(Route))
    ended_by = models.CharField(_("ended by"), max_length=WORD_LENGTH, blank=True, choices=choices(By))
    ringing_pair = models.CharField(max_length=80, null=True, unique=True, editable=False)  # noqa: DJ001 (NULLs are distinct)

    objects = CallQuerySet.as_manager()

    class Meta:
        verbose_name = _("call")
        verbose_name_plural = _("calls")
        ordering = ("-placed_at",)
        constraints = (
            models.CheckConstraint(
                name="call_ended_once",
                condition=Q(state=CallState.ENDED, ended_at__isnull=False) & ~Q(end_reason="")
                | ~Q(state=CallState.ENDED) & Q(ended_at__isnull=True, end_reason=""),
            ),
        )
        indexes = (
            models.Index(fields=["-placed_at"], name="call_newest"),
            models.Index(fields=["state"], name="call_live", condition=~Q(state=CallState.ENDED)),
            models.Index(fields=["end_reason", "-placed_at"], name="call_by_reason"),
            models.Index(fields=["quality", "-placed_at"], name="call_by_quality"),
            models.Index(fields=["route", "-placed_at"], name="call_by_route"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    def as_core(self, legs: list["Leg"]) -> machine.Call:
        """This row and its legs as the machine sees them."""
        return machine.Call(
            id=str(self.id),
            kind=Kind(self.kind),
            legs=tuple(leg.as_core() for leg in legs),
            placed_at=self.placed_at,
            ring_expires_at=self.ring_expires_at,
            rev=self.rev,
            answered_at=self.answered_at,
            ended_at=self.ended_at,
            end_reason=EndReason(self.end_reason) if self.end_reason else None,
            ended_by=By(self.ended_by) if self.ended_by else None,
        )


class LegQuerySet(models.QuerySet["Leg"]):
    def joined(self) -> Self:
        return self.filter(state=LegState.JOINED)

    def live(self) -> Self:
        return self.filter(state__in=(LegState.RINGING, LegState.JOINED))

    def of(self, person: object) -> Self:
        """The legs of this person, a user or a guest."""
        return self.filter(Q(user_id=person) | Q(guest_id=person))

    def known_to(self, person: object) -> Self:
        """The legs that this person may know of: their own, without those that a block hides."""
        return self.of(person).filter(hidden=False)

    def remembered_by(self, person: object) -> Self:
        """Those that stand in this person's history: what they may know of and have not deleted from it."""
        return self.known_to(person).filter(forgotten_at=None)

    def missed_unseen(self) -> Self:
        """Missed calls that the person has not looked at; a ring that they were too busy for is one."""
        return self.filter(state__in=(LegState.MISSED, LegState.BUSY), role=Role.CALLEE, seen_at__isnull=True)


class Leg(models.Model):
    """One person's part in a call: a user's or a guest's.

    `hidden`: the person has blocked the caller, is not rung and must never see this leg.
    `device`: the id of the one browser tab that the leg is bound to while joined.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="legs", verbose_name=_("call"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="legs",
        verbose_name=_("person"),
    )
    guest = models.ForeignKey(
        "calls.Guest", null=True, on_delete=models.SET_NULL, related_name="legs", verbose_name=_("guest")
    )
    role = models.CharField(_("role"), max_length=WORD_LENGTH, choices=choices(Role))
    state = models.CharField(_("state"), max_length=WORD_LENGTH, choices=choices(LegState))
    device = models.CharField(_("device"), max_length=DEVICE_LENGTH, blank=True)
    epoch = models.PositiveIntegerField(_("epoch"), default=1)
    alerted_at = models.DateTimeField(_("rang at"), null=True)
    joined_at = models.DateTimeField(_("joined at"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    lease_expires_at = models.DateTimeField(_("lease until"), null=True)
    failure = models.CharField(_("failed at"), max_length=WORD_LENGTH, blank=True, choices=choices(FailureStage))
    hidden = models.BooleanField(_("hidden by a block"), default=False)
    seen_at = models.DateTimeField(_("seen at"), null=True)
    forgotten_at = models.DateTimeField(_("deleted from one's own history at"), null=True)

    objects = LegQuerySet.as_manager()

    class Meta:
        verbose_name = _("leg")
        verbose_name_plural = _("legs")
        constraints = (
            models.UniqueConstraint(
                name="one_joined_leg_a_person", fields=["user"], condition=Q(state=LegState.JOINED)
            ),
            models.UniqueConstraint(
                name="one_joined_leg_a_guest", fields=["guest"], condition=Q(state=LegState.JOINED)
            ),
            models.UniqueConstraint(name="one_leg_a_person_in_a_call", fields=["call", "user"]),
            models.UniqueConstraint(name="one_caller_in_a_call", fields=["call"], condition=Q(role=Role.CALLER)),
        )
        indexes = (
            models.Index(
                fields=["user", "call"],
                name="leg_live",
                condition=Q(state__in=(LegState.RINGING, LegState.JOINED)),
            ),
            models.Index(fields=["lease_expires_at"], name="leg_lease", condition=Q(state=LegState.JOINED)),
            models.Index(fields=["failure"], name="leg_failure", condition=~Q(failure="")),
        )

    def __str__(self) -> str:
        return f"{self.role} {self.state}"

    @property
    def person_id(self) -> UUID | None:
        return self.user_id or self.guest_id

    def as_core(self) -> machine.Leg:
        return machine.Leg(
            id=str(self.id),
            role=Role(self.role),
            person=str(self.person_id) if self.person_id else None,
            state=LegState(self.state),
            device=self.device or None,
            epoch=self.epoch,
            alerted_at=self.alerted_at,
            joined_at=self.joined_at,
            ended_at=self.ended_at,
            lease_expires_at=self.lease_expires_at,
            failure=FailureStage(self.failure) if self.failure else None,
        )


class JournalEntry(models.Model):
    """One transition of one leg; the call's story, and the receipt for the command that caused it.

    `client` is the device's browser and system, "Firefox on Windows". `trace` is what ICE had to work with, when media
    failed (`core.protocol.IceTrace`).

    The unique pairs (actor, command) and (guest, command) are what makes a repeated command take effect once.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="journal", verbose_name=_("call"))
    leg = models.ForeignKey(Leg, on_delete=models.CASCADE, related_name="journal", verbose_name=_("leg"))
    rev = models.PositiveIntegerField(_("revision"))
    at = models.DateTimeField(_("at"))
    event = models.CharField(_("event"), max_length=WORD_LENGTH, choices=choices(EventName))
    before = models.CharField(_("from"), max_length=WORD_LENGTH, blank=True)
    after = models.CharField(_("to"), max_length=WORD_LENGTH)
    by = models.CharField(_("by"), max_length=WORD_LENGTH, choices=choices(By))
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("person"),
    )
    guest = models.ForeignKey(
        "calls.Guest", null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("guest")
    )
    device = models.CharField(_("device"), max_length=DEVICE_LENGTH, blank=True)
    client = models.CharField(_("browser and system"), max_length=CLIENT_LENGTH, blank=True)
    trace = models.JSONField(null=True, editable=False)
    command = models.CharField(max_length=COMMAND_LENGTH, null=True, editable=False)  # noqa: DJ001 (NULLs are distinct)

    class Meta:
        verbose_name = _("journal entry")
        verbose_name_plural = _("journal")
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(name="one_effect_a_command", fields=["actor", "command"]),
            models.UniqueConstraint(name="one_effect_a_guest_command", fields=["guest", "command"]),
        )

    def __str__(self) -> str:
        return f"{self.event}: {self.before or '–'} → {self.after}"
