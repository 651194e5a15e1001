"""The overview's numbers as charts."""

from django.utils.translation import gettext as _

from . import charts, diagnosis
from .charts import Chart, Series
from .core.vocabulary import EndReason, FailureStage, Quality, Route
from .overview import Overview


def of(overview: Overview) -> list[Chart]:
    columns = [column.label for column in overview.columns]
    return [
        charts.stacked(
            _("Calls by the hour") if overview.days == 1 else _("Calls by day"),
            columns,
            [
                Series("answered", _("answered"), [column.answered for column in overview.columns]),
                Series("unanswered", _("not answered"), [column.unanswered for column in overview.columns]),
                Series("failed", _("failed"), [column.failed for column in overview.columns]),
            ],
        ),
        charts.stacked(
            _("Minutes of talk"),
            columns,
            [Series("talked", _("minutes"), [round(each.talked.total_seconds() / 60) for each in overview.columns])],
        ),
        charts.stacked(
            _("Calls by the hour of the day"),
            [f"{hour:02}" for hour in range(24)],
            [Series("placed", _("calls"), overview.hours)],
        ),
        charts.ranked(
            _("How they ended"),
            [EndReason(reason).value for reason, _count in overview.reasons],
            Series("placed", _("calls"), [count for _reason, count in overview.reasons]),
        ),
        charts.ranked(
            _("Where they failed"),
            [diagnosis.labels()[FailureStage(stage)] for stage, _count in overview.stages],
            Series("failed", _("calls"), [count for _stage, count in overview.stages]),
        ),
        charts.ranked(
            _("How the sides were connected"),
            [*Quality, *Route],
            Series(
                "placed",
                _("sides"),
                [overview.qualities.get(word, 0) for word in Quality]
                + [overview.routes.get(route, 0) for route in Route],
            ),
        ),
        charts.curves(
            _("Quality of the sound, 1 to 5"),
            columns,
            [Series("mos", _("mean opinion score"), [column.mos for column in overview.columns])],
            1,
            5,
        ),
    ]
