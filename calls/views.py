"""The pages around calls: who is there, and what has passed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts import contacts
from accounts.models import Block, Favourite, User

from . import history, history_export, missed_mail, personal_data, quality_reports, timeline
from .core import protocol
from .core.errors import BadMessage, CallError
from .history_forms import HistoryForm
from .identity import identify


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
    form = HistoryForm(request.GET)
    form.is_valid()
    page = history.recents(_me(request), form.wanted(), _before(request))
    more = None
    if page.older is not None:
        query = request.GET.copy()
        query["before"] = page.older.isoformat()
        more = query.urlencode()
    context = {
        "form": form,
        "days": history.by_day(page.entries),
        "more": more,
        "filtered": form.wanted() != history.EVERYTHING,
        "query": request.GET.urlencode(),
    }
    return render(request, "calls/recents.html", context)


@login_required
@require_GET
def call(request: HttpRequest, call_id: UUID) -> HttpResponse:
    """One call: how it went, on both sides."""
    entry = history.find(_me(request), call_id)
    if entry is None:
        raise Http404
    steps = timeline.of(call_id, _me(request))
    context = {"entry": entry, "steps": steps, "connection": history.connection(entry)}
    return render(request, "calls/call.html", context)


@login_required
@require_POST
def forget(request: HttpRequest, call_id: UUID) -> HttpResponse:
    if not history.forget(_me(request), call_id):
        raise Http404
    messages.success(request, _("The call is deleted from your history. The other side keeps theirs."))
    return redirect("recents")


@login_required
@require_POST
def forget_message(request: HttpRequest, message_id: int) -> HttpResponse:
    if not history.forget_message(_me(request), message_id):
        raise Http404
    messages.success(request, _("The message is deleted."))
    return redirect("recents")


@login_required
@require_GET
def export(request: HttpRequest, form: str) -> HttpResponse:
    """One's own history as a file, as far as it is filtered."""
    wanted = HistoryForm(request.GET)
    wanted.is_valid()
    entries = history.everything(_me(request), wanted.wanted())
    if form == "csv":
        response = HttpResponse(history_export.as_csv(entries), content_type="text/csv; charset=utf-8")
    else:
        response = HttpResponse(history_export.as_json(entries), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="earshot-calls.{form}"'
    return response


@login_required
@require_POST
def seen(request: HttpRequest) -> HttpResponse:
    """The missed calls have been looked at."""
    history.mark_seen(_me(request))
    return HttpResponse(status=204)


@require_POST
@never_cache
def quality(request: HttpRequest) -> HttpResponse:
    """A `call.quality` of a page that is being left: what its socket sends now may never go out.

    The session's user or guest speaks for the device in the query. What is wrong is answered as on the socket.
    """
    who = identify(request.session.session_key or "")
    if who is None:
        return JsonResponse({"code": "signed_out", "message": "Sign in, or open the link again."}, status=403)
    try:
        message = protocol.decode(request.body.decode("utf-8", "replace"))
        if not isinstance(message, protocol.QualityReport):
            raise BadMessage("Only call.quality may be sent here.")
        quality_reports.report(who.person.pk, request.GET.get("device", ""), message)
    except CallError as error:
        return JsonResponse({"code": error.code, "message": error.message}, status=400)
    return HttpResponse(status=204)


@login_required
@require_POST
def missed_mail_wanted(request: HttpRequest) -> HttpResponse:
    wanted = request.POST.get("wanted") == "yes"
    missed_mail.set_wanted(_me(request), wanted)
    text = (
        _("Missed calls are mailed to you from now on.") if wanted else _("Missed calls are no longer mailed to you.")
    )
    messages.success(request, text)
    return redirect("settings")


@login_required
@require_GET
@never_cache
def everything_held(request: HttpRequest) -> HttpResponse:
    """All that is held on oneself."""
    response = JsonResponse(personal_data.held_on(_me(request)), json_dumps_params={"indent": 1})
    response["Content-Disposition"] = 'attachment; filename="earshot-everything.json"'
    return response


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
