"""The call log as a file: CSV, XLSX or JSON, written piece by piece, so that a million calls fit."""

import csv
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from io import StringIO
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import Http404, HttpResponseBase, StreamingHttpResponse
from openpyxl import Workbook

from .core.vocabulary import Role
from .history_export import harmless
from .models import Call, Leg

COLUMNS = (
    "id", "placed_at", "answered_at", "ended_at", "seconds", "kind", "state", "end_reason",
    "caller", "caller_handle", "callee", "callee_handle", "guest", "failure",
)  # fmt: skip

CHUNK = 2000
FILE_CHUNK_BYTES = 64 * 1024


def name_of(leg: Leg) -> str:
    """Who had this leg; a guest is marked."""
    if leg.user is not None:
        return leg.user.name
    return f"{leg.guest.name} (guest)" if leg.guest is not None else "–"


def seconds_of(call: Call) -> int | None:
    """From the answer to the end."""
    if call.answered_at is None or call.ended_at is None:
        return None
    return round((call.ended_at - call.answered_at).total_seconds())


def response(calls: QuerySet[Call], form: str) -> HttpResponseBase:
    """The calls in the form of this file ending. Raises `Http404` for another."""
    if form not in FORMS:
        raise Http404
    content_type, write = FORMS[form]
    answer = StreamingHttpResponse(_carried(write(_rows(calls))), content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="earshot-call-log.{form}"'
    return answer


def as_csv(rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """RFC 4180, with a header line."""
    out = StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    for row in rows:
        writer.writerow({name: harmless(value) for name, value in row.items()})
        yield _taken(out)
    yield _taken(out)


def as_json(rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """One array of objects."""
    separator = "["
    for row in rows:
        yield (separator + json.dumps(row, ensure_ascii=False)).encode()
        separator = ",\n"
    yield b"[]" if separator == "[" else b"]"


def as_xlsx(rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """One sheet. The format wants a whole file first, so that goes to the disk."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("calls")
    sheet.append(list(COLUMNS))
    for row in rows:
        sheet.append([harmless(value) for value in row.values()])
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while chunk := file.read(FILE_CHUNK_BYTES):
            yield chunk


FORMS: dict[str, tuple[str, Callable[[Iterator[dict[str, Any]]], Iterator[bytes]]]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "json": ("application/json", as_json),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", as_xlsx),
}


def _rows(calls: QuerySet[Call]) -> Iterator[dict[str, Any]]:
    for call in calls.prefetch_related("legs__user", "legs__guest").iterator(chunk_size=CHUNK):
        legs = {leg.role: leg for leg in call.legs.all()}
        caller, callee = legs.get(Role.CALLER), legs.get(Role.CALLEE)
        facts = (
            str(call.id), _moment(call.placed_at), _moment(call.answered_at), _moment(call.ended_at),
            seconds_of(call), call.kind, call.state, call.end_reason,
            name_of(caller) if caller else "", _handle(caller), name_of(callee) if callee else "", _handle(callee),
            any(leg.guest_id for leg in legs.values()), next((leg.failure for leg in legs.values() if leg.failure), ""),
        )  # fmt: skip
        yield dict(zip(COLUMNS, facts, strict=True))


def _handle(leg: Leg | None) -> str:
    return leg.user.handle if leg is not None and leg.user is not None else ""


def _moment(moment: Any) -> str | None:
    return moment.isoformat() if moment else None


def _taken(out: StringIO) -> bytes:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text.encode()


async def _carried(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Off the event loop, some hundred pieces at a time: an ordinary iterator would be read whole before the first."""
    while batch := await sync_to_async(_batch)(pieces):
        yield batch


def _batch(pieces: Iterator[bytes]) -> bytes:
    out = bytearray()
    for piece in pieces:
        out += piece
        if len(out) >= FILE_CHUNK_BYTES:
            break
    return bytes(out)
