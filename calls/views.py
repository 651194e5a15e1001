"""The pages around calls: who is there, and what has passed."""

from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts import contacts
from accounts.models import Block, Favourite, User

from . import history


@login_required
@require_GET
def people(request: HttpRequest, handle: str | None = None) -> HttpResponse:
    """Everyone one may call; with `handle`, that person beside the list."""
    me = _me(request)
    everyone = contacts.callable_by(me)
    query = request.GET.get("q", "").strip()
    if query:
        everyone = everyone.filter(Q(name__icontains=query) | Q(handle__icontains=query.removeprefix("@")))
    favourites = set(Favourite.objects.filter(owner=me).values_list("person", flat=True))
    shown = list(everyone)
    context: dict[str, Any] = {
        "favourites": [person for person in shown if person.pk in favourites],
        "everyone": [person for person in shown if person.pk not in favourites],
        "query": query,
        "selected": None,
    }
    if handle is not None:
        selected = get_object_or_404(contacts.callable_by(me), handle=handle.lower())
        context |= {
            "selected": selected,
            "is_favourite": selected.pk in favourites,
            "is_blocked": Block.objects.filter(owner=me, person=selected).exists(),
            "entries": history.between(me, selected),
        }
    return render(request, "calls/people.html", context)


@login_required
@require_GET
def recents(request: HttpRequest) -> HttpResponse:
    entries = history.recents(_me(request), _before(request))
    more = entries[-1].placed_at if len(entries) == history.PAGE else None
    return render(request, "calls/recents.html", {"entries": entries, "more": more})


@login_required
@require_POST
def seen(request: HttpRequest) -> HttpResponse:
    """The missed calls have been looked at."""
    history.mark_seen(_me(request))
    return HttpResponse(status=204)


def _before(request: HttpRequest) -> datetime | None:
    text = request.GET.get("before")
    if not text:
        return None
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Http404(_("That is no moment to look back from."))
    return moment


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # login_required stands before every caller
    return request.user
