"""What is done now and then, by whichever process comes first."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

NAME_LENGTH = 30


class ChoreManager(models.Manager["Chore"]):
    def claim(self, name: str, every: timedelta, now: datetime) -> bool:
        """Whether it is due and ours to do now: of all processes that ask, one is told so."""
        self.get_or_create(name=name)
        due = self.filter(Q(claimed_at=None) | Q(claimed_at__lte=now - every), name=name)
        return due.update(claimed_at=now) == 1


class Chore(models.Model):
    """Something that is done every so often, and when somebody last took it on."""

    name = models.CharField(primary_key=True, max_length=NAME_LENGTH)
    claimed_at = models.DateTimeField(null=True)

    objects = ChoreManager()

    class Meta:
        verbose_name = _("chore")
        verbose_name_plural = _("chores")

    def __str__(self) -> str:
        return self.name


class MissedMail(models.Model):
    """This person wants to hear of missed calls by e-mail. They have been told of all that ended until `told_until`."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="missed_mail"
    )
    told_until = models.DateTimeField()

    class Meta:
        verbose_name = _("mail about missed calls")
        verbose_name_plural = _("mails about missed calls")

    def __str__(self) -> str:
        return str(self.user)
