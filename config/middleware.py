"""Headers that no library of ours sets."""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware

from accounts.availability import zone_of

# What a page of ours may ask the browser for (W3C Permissions Policy); everything else is refused.
PERMISSIONS_POLICY = ", ".join(
    [
        "camera=(self)",
        "microphone=(self)",
        "display-capture=(self)",
        "speaker-selection=(self)",
        "autoplay=(self)",
        "screen-wake-lock=(self)",
        "geolocation=()",
        "payment=()",
        "usb=()",
        "serial=()",
        "midi=()",
    ]
)


# The browser's own time zone, an IANA name, set by static/js/app.js.
ZONE_COOKIE = "zone"


def time_zone(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Days and hours on a page are the reader's."""

    def later(request: HttpRequest) -> HttpResponse:
        with timezone.override(zone_of(request.COOKIES.get(ZONE_COOKIE, ""))):
            return get_response(request)

    return later


@sync_and_async_middleware
def permissions_policy(
    get_response: Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]],
) -> Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]:
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponse:
            return _with_policy(await get_response(request))

        markcoroutinefunction(later)
        return later

    def now(request: HttpRequest) -> HttpResponse:
        return _with_policy(get_response(request))  # type: ignore[arg-type]

    return now


def _with_policy(response: HttpResponse) -> HttpResponse:
    response.headers["Permissions-Policy"] = PERMISSIONS_POLICY
    return response
