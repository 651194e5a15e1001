"""What keeps the call log fast with a million calls: nothing here counts or reads the whole table."""

from datetime import date
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Max, Min
from django.utils import timezone
from django.utils.dates import MONTHS
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.translation import gettext

from .models import Call

# One pages to so many; who looks for older ones filters. Counting them all would read the whole table.
COUNT_MAX = 5000

FIELD = "placed_at"


class CappedPaginator(Paginator):
    """Counts to `count_max` and no further."""

    count_max = COUNT_MAX

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows[: self.count_max].count())


def drill_down(changelist: Any) -> dict[str, Any]:
    """The context of admin/date_hierarchy.html: years, then months, then days between the oldest and the newest call.

    Django's own reads the date of every call there is to leave out days without any.
    """
    year, month, day = (_chosen(changelist, part) for part in ("year", "month", "day"))
    ends = Call.objects.aggregate(oldest=Min(FIELD), newest=Max(FIELD))
    if ends["oldest"] is None:
        return {"show": False}
    oldest, newest = (timezone.localtime(ends[name]).date() for name in ("oldest", "newest"))
    if year is None and oldest.year < newest.year:
        years = range(oldest.year, newest.year + 1)
        return _shown(None, [_choice(changelist, str(each), year=each) for each in years])
    back = None if year is None else _choice(changelist, gettext("All dates"))
    year = year or oldest.year
    if month is None:
        months = [each for each in range(1, 13) if _between(oldest, newest, year, each)]
        return _shown(back, [_choice(changelist, str(MONTHS[each]), year=year, month=each) for each in months])
    back = _choice(changelist, str(year), year=year)
    if day is not None:
        name = date_format(date(year, month, day), "MONTH_DAY_FORMAT")
        return _shown(_choice(changelist, str(MONTHS[month]), year=year, month=month), [{"title": name}])
    days = [each for each in range(1, 32) if _between(oldest, newest, year, month, each)]
    return _shown(back, [_choice(changelist, str(each), year=year, month=month, day=each) for each in days])


def _between(oldest: date, newest: date, *parts: int) -> bool:
    """Whether the year, month or day has a part between the two; a date that there is none of has not."""
    try:
        date(*(*parts, 1, 1)[:3])
    except ValueError:
        return False
    depth = len(parts)
    return oldest.timetuple()[:depth] <= parts <= newest.timetuple()[:depth]


def _chosen(changelist: Any, part: str) -> int | None:
    value = changelist.params.get(f"{FIELD}__{part}")
    text = value[0] if isinstance(value, list) else value
    return int(text) if text and str(text).isdigit() else None


def _choice(changelist: Any, title: str, **parts: int) -> dict[str, str]:
    chosen = {f"{FIELD}__{name}": value for name, value in parts.items()}
    return {"title": title, "link": changelist.get_query_string(chosen, [f"{FIELD}__"])}


def _shown(back: dict[str, str] | None, choices: list[dict[str, str]]) -> dict[str, Any]:
    return {"show": True, "back": back, "choices": choices}
