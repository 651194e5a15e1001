"""For the admin's call log."""

from typing import Any

from django import template

from calls.admin_paging import drill_down
from calls.call_page import as_clock

register = template.Library()


@register.inclusion_tag("admin/date_hierarchy.html")
def call_dates(changelist: Any) -> dict[str, Any]:
    """Django's `date_hierarchy`, without reading every call's date."""
    return drill_down(changelist)


@register.filter
def share(part: float, whole: float) -> str:
    """In percent; a dash of nothing."""
    return f"{100 * part / whole:.0f} %" if whole else "–"


register.filter("clock", as_clock)
