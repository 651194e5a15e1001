"""What pages measured of their connections: a summary of each leg, and the samples it was made from.

No call is changed by any of this, and retention may take it away before the calls.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from calls.core.vocabulary import CandidateType, Quality, Route

from .call import WORD_LENGTH, Call, Leg, choices

MEANS = (
    "mos", "round_trip_ms", "jitter_ms", "loss", "concealed", "video_loss", "send_kbps", "receive_kbps",
    "frames_per_second",
)  # fmt: skip


class LegQuality(models.Model):
    """One leg's connection, over all its reports: the means of MEANS, and the newest of the rest.

    Units as in `core.quality.Sample`. `weights` says of how many samples each mean is, so that it can go on.
    """

    leg = models.OneToOneField(Leg, primary_key=True, on_delete=models.CASCADE, related_name="quality_summary")
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="qualities", verbose_name=_("call"))
    placed_at = models.DateTimeField(_("placed at"))
    quality = models.CharField(_("quality"), max_length=WORD_LENGTH, blank=True, choices=choices(Quality))
    route = models.CharField(_("route"), max_length=WORD_LENGTH, blank=True, choices=choices(Route))
    mos = models.FloatField(_("mean opinion score"), null=True)
    round_trip_ms = models.FloatField(_("round trip, ms"), null=True)
    jitter_ms = models.FloatField(_("jitter, ms"), null=True)
    loss = models.FloatField(_("loss of sound"), null=True)
    concealed = models.FloatField(_("concealed sound"), null=True)
    video_loss = models.FloatField(_("loss of picture"), null=True)
    send_kbps = models.FloatField(_("sent, kbit/s"), null=True)
    receive_kbps = models.FloatField(_("received, kbit/s"), null=True)
    frames_per_second = models.FloatField(_("pictures a second"), null=True)
    width = models.PositiveIntegerField(_("width"), null=True)
    height = models.PositiveIntegerField(_("height"), null=True)
    local = models.CharField(_("candidate"), max_length=WORD_LENGTH, blank=True, choices=choices(CandidateType))
    remote = models.CharField(_("other candidate"), max_length=WORD_LENGTH, blank=True, choices=choices(CandidateType))
    reconnects = models.PositiveIntegerField(_("came back after breaking off"), default=0)
    reports = models.PositiveIntegerField(_("reports"), default=0)
    weights = models.JSONField(default=dict, editable=False)

    class Meta:
        verbose_name = _("quality of a leg")
        verbose_name_plural = _("qualities of legs")
        indexes = (models.Index(fields=["placed_at"], name="quality_oldest"),)

    def __str__(self) -> str:
        return f"{self.quality or '–'} {self.route or '–'}"


class QualityReport(models.Model):
    """The samples of about a minute, as rows of `calls.quality.COLUMNS`: a fifth of the room that objects take."""

    leg = models.ForeignKey(Leg, on_delete=models.CASCADE, related_name="quality_reports", verbose_name=_("leg"))
    epoch = models.PositiveIntegerField(_("epoch"))
    number = models.PositiveIntegerField(_("number"))
    at = models.DateTimeField(_("reported at"), db_index=True)
    samples = models.JSONField(_("samples"))

    class Meta:
        verbose_name = _("quality report")
        verbose_name_plural = _("quality reports")
        ordering = ("leg", "epoch", "number")
        constraints = (models.UniqueConstraint(name="report_once", fields=["leg", "epoch", "number"]),)

    def __str__(self) -> str:
        return f"{self.leg_id} {self.epoch}/{self.number}"
