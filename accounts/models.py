"""The people: who they are, whom they like to call, and whom they do not want to hear from.

Nothing here knows of calls.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Self
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from .derived_secret import NUMBER_LENGTH
from .sessions import signed_out_everywhere

NAME_LENGTH = 80

HANDLE_LENGTH = 30
HANDLE_PATTERN = r"[a-z0-9][a-z0-9_.-]{1,29}"
valid_handle = RegexValidator(
    rf"\A{HANDLE_PATTERN}\Z",
    _("Use 2 to 30 characters: a to z, digits, dot, dash and underscore, with a letter or digit first."),
    code="invalid_handle",
)

# How many colours there are for avatars; tokens.css has one for each.
HUES = 24


class UserQuerySet(models.QuerySet["User"]):
    def active(self) -> Self:
        return self.filter(is_active=True)

    def by_name(self) -> Self:
        return self.order_by(Lower("name"), "handle")


class UserManager(BaseUserManager["User"]):
    """Makes people. E-mail addresses and handles are kept in lower case."""

    def get_queryset(self) -> UserQuerySet:
        return UserQuerySet(self.model, using=self._db)

    def active(self) -> UserQuerySet:
        return self.get_queryset().active()

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(handle=(username or "").lower())

    def create_user(
        self, handle: str, email: str, password: str | None = None, *, name: str = "", **facts: Any
    ) -> "User":
        """A saved person; without a password, one who cannot sign in before resetting it."""
        if not handle or not email:
            raise ValueError("A person needs a handle and an e-mail address.")
        user = self.model(handle=handle.lower(), email=email.lower(), name=name or handle, **facts)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, handle: str, email: str, password: str | None = None, **facts: Any) -> "User":
        return self.create_user(handle, email, password, **{**facts, "is_staff": True, "is_superuser": True})


class User(AbstractBaseUser, PermissionsMixin):
    """An account. Others see the name and the handle; the e-mail address is for signing in and for mail."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(_("name"), max_length=NAME_LENGTH)
    handle = models.CharField(
        _("handle"),
        max_length=HANDLE_LENGTH,
        unique=True,
        validators=[valid_handle],
        error_messages={"unique": _("Somebody has this handle already. Choose another.")},
    )
    email = models.EmailField(
        _("e-mail address"),
        unique=True,
        error_messages={"unique": _("Somebody has an account with this e-mail address already.")},
    )
    is_active = models.BooleanField(
        _("active"),
        default=True,
        help_text=_("Take this away instead of deleting somebody: they are signed out and cannot be called."),
    )
    is_staff = models.BooleanField(_("admin"), default=False, help_text=_("May use these admin pages."))
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)
    last_seen_at = models.DateTimeField(_("last seen"), null=True, blank=True, editable=False)
    sign_outs = models.PositiveIntegerField(default=0, editable=False)
    do_not_disturb_until = models.DateTimeField(_("do not disturb until"), null=True, blank=True)
    hide_address = models.BooleanField(_("hide my address"), default=False)
    call_waiting = models.BooleanField(_("call waiting"), default=True)

    objects = UserManager()

    USERNAME_FIELD = "handle"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email", "name"]

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = (
            models.UniqueConstraint(Lower("email"), name="one_user_an_email"),
            models.UniqueConstraint(Lower("handle"), name="one_user_a_handle"),
        )

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        self.email = self.email.lower()
        self.handle = self.handle.lower()

    @property
    def initials(self) -> str:
        """The first letters of the first and the last word of the name, or of its only word."""
        return initials_of(self.name or self.handle)

    @property
    def hue(self) -> int:
        """Which of the HUES avatar colours is this person's, for good."""
        return hue_of(self.id)

    def get_session_auth_hash(self) -> str:
        """What every session of theirs carries: it changes with the password and with each signing out everywhere."""
        return self._sessions_hash(None)

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        yield from (self._sessions_hash(key) for key in settings.SECRET_KEY_FALLBACKS)

    def _sessions_hash(self, key: str | None) -> str:
        salt = "accounts.models.User.sessions"
        return salted_hmac(salt, f"{self.password}:{self.sign_outs}", secret=key, algorithm="sha256").hexdigest()

    def sign_out_everywhere(self) -> None:
        """No session that began before now signs them in any more."""
        User.objects.filter(pk=self.pk).update(sign_outs=F("sign_outs") + 1)
        self.refresh_from_db(fields=["sign_outs"])
        transaction.on_commit(lambda: signed_out_everywhere.send(User, person=self))

    def is_undisturbed(self, now: datetime) -> bool:
        return self.do_not_disturb_until is not None and self.do_not_disturb_until > now


def initials_of(name: str) -> str:
    words = name.split()
    ends = words[:1] + words[1:][-1:]
    return "".join(word[0] for word in ends).upper()


def hue_of(id_: UUID) -> int:
    """Which of the HUES colours belongs to this id."""
    return int.from_bytes(id_.bytes[:2]) % HUES


def display_name(user: User) -> str:
    """What mail and messages call a person."""
    return user.name


class Favourite(models.Model):
    """`owner` wants `person` at the top of the list."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="favourites")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")

    class Meta:
        verbose_name = _("favourite")
        verbose_name_plural = _("favourites")
        constraints = (
            models.UniqueConstraint(fields=["owner", "person"], name="favourite_once"),
            models.CheckConstraint(condition=~Q(owner=F("person")), name="favourite_of_another"),
        )

    def __str__(self) -> str:
        return f"{self.owner} → {self.person}"


class Block(models.Model):
    """`owner` does not want to be reached by `person`, who is not told."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="blocks")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    made_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("block")
        verbose_name_plural = _("blocks")
        constraints = (
            models.UniqueConstraint(fields=["owner", "person"], name="block_once"),
            models.CheckConstraint(condition=~Q(owner=F("person")), name="block_of_another"),
        )

    def __str__(self) -> str:
        return f"{self.owner} → {self.person}"


class InvitationState(models.TextChoices):
    OPEN = "open", _("open")
    USED = "used", _("used")
    EXPIRED = "expired", _("expired")
    REVOKED = "revoked", _("revoked")


class Invitation(models.Model):
    """Lets one person sign up. Its secret is derived from `number` (accounts/derived_secret.py)."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    number = models.CharField(max_length=NUMBER_LENGTH, unique=True, editable=False)
    made_by = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="invitations", verbose_name=_("made by"), editable=False
    )
    email = models.EmailField(_("e-mail address"), blank=True)
    made_at = models.DateTimeField(_("made at"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires at"))
    revoked_at = models.DateTimeField(_("revoked at"), null=True, editable=False)
    used_at = models.DateTimeField(_("used at"), null=True, editable=False)
    used_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("used by"), editable=False
    )

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ("-made_at",)

    def __str__(self) -> str:
        return self.email or str(self.id)

    def state(self, now: datetime) -> InvitationState:
        if self.used_at is not None:
            return InvitationState.USED
        if self.revoked_at is not None or not self.made_by.is_active:
            return InvitationState.REVOKED
        return InvitationState.EXPIRED if now >= self.expires_at else InvitationState.OPEN
