"""The call log as a file: CSV, XLSX or JSON, written piece by piece, so that a million calls fit."""

import csv
import json
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from io import StringIO
from itertools import islice
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import HttpResponseBase, StreamingHttpResponse
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from .core.vocabulary import Role
from .history_export import harmless
from .models import Call, Leg

COLUMNS = (
    "id", "placed_at", "answered_at", "ended_at", "seconds", "kind", "state", "end_reason",
    "caller", "caller_handle", "callee", "callee_handle", "guest", "failure", "quality", "route",
)  # fmt: skip

CHUNK = 2000
FILE_CHUNK_BYTES = 64 * 1024


def name_of(leg: Leg) -> str:
    """Who had this leg; a guest is marked."""
    return _name(leg.user.name if leg.user else None, leg.guest.name if leg.guest else None)


def response(calls: QuerySet[Call], form: str) -> HttpResponseBase:
    """The calls in the form of this file ending, one of FORMS."""
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
    """One sheet, without characters that the format forbids. It wants a whole file first, so that goes to the disk."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("calls")
    sheet.append(list(COLUMNS))
    for row in rows:
        sheet.append([_printable(harmless(value)) for value in row.values()])
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while chunk := file.read(FILE_CHUNK_BYTES):
            yield chunk


def _printable(value: Any) -> Any:
    return ILLEGAL_CHARACTERS_RE.sub("", value) if isinstance(value, str) else value


FORMS: dict[str, tuple[str, Callable[[Iterator[dict[str, Any]]], Iterator[bytes]]]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "json": ("application/json", as_json),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", as_xlsx),
}


CALL_FIELDS = (
    "pk", "placed_at", "answered_at", "ended_at", "talked_seconds", "kind", "state", "end_reason", "quality", "route",
)  # fmt: skip
LEG_FIELDS = ("call_id", "role", "failure", "user__name", "user__handle", "guest_id", "guest__name")


@dataclass(slots=True)
class _Sides:
    """What the columns after the call's own say, gathered over its legs."""

    names: dict[str, str] = field(default_factory=dict)
    handles: dict[str, str] = field(default_factory=dict)
    guest: bool = False
    failure: str = ""


def _rows(calls: QuerySet[Call]) -> Iterator[dict[str, Any]]:
    """As plain values: model instances cost five times as much, which with a million calls is minutes."""
    rows = calls.prefetch_related(None).values_list(*CALL_FIELDS).iterator(chunk_size=CHUNK)
    while chunk := list(islice(rows, CHUNK)):
        ids = [row[0] for row in chunk]
        sides = _sides(ids)
        for pk, placed_at, answered_at, ended_at, *facts, quality, route in chunk:
            side = sides[pk]
            caller, callee = Role.CALLER, Role.CALLEE
            values = (
                str(pk), _moment(placed_at), _moment(answered_at), _moment(ended_at), *facts,
                side.names.get(caller, ""), side.handles.get(caller, ""),
                side.names.get(callee, ""), side.handles.get(callee, ""),
                side.guest, side.failure, quality, route,
            )  # fmt: skip
            yield dict(zip(COLUMNS, values, strict=True))


def _sides(calls: Iterable[UUID]) -> dict[UUID, _Sides]:
    found: dict[UUID, _Sides] = defaultdict(_Sides)
    legs = Leg.objects.filter(call__in=calls).values_list(*LEG_FIELDS)
    for call, role, failure, user_name, handle, guest, guest_name in legs:
        sides = found[call]
        sides.names[role] = _name(user_name, guest_name)
        sides.handles[role] = handle or ""
        sides.guest |= guest is not None
        sides.failure = sides.failure or failure
    return found


def _name(user_name: str | None, guest_name: str | None) -> str:
    if user_name is not None:
        return user_name
    return f"{guest_name} (guest)".strip() if guest_name is not None else "–"


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
