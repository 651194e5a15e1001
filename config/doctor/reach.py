"""The addresses of EARSHOT_ORIGINS as a browser would reach them: certificate, page, static files and the socket."""

import asyncio
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from django.conf import settings
from django.templatetags.static import static
from django.urls import reverse_lazy
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Origin

from calls.core.vocabulary import CloseCode
from config.checks import is_local

from .finding import Finding, Status

SIGN_IN = reverse_lazy("account_login")

SECONDS = 5
CERTIFICATE_DAYS = 14


def secure_context() -> Iterator[Finding]:
    for origin in settings.EARSHOT_ORIGINS:
        if origin.startswith("https://"):
            yield Finding.ok(f"{origin} is https.")
        elif is_local(urlsplit(origin).netloc):
            yield Finding.ok(f"{origin} is this machine, which browsers trust.")
        else:
            yield Finding.problem(
                f"At {origin} browsers give neither camera nor microphone.",
                "Serve it over https: ./run --https, or a proxy with a certificate in front.",
            )


def addresses() -> Iterator[Finding]:
    pages = {origin: _page(origin) for origin in settings.EARSHOT_ORIGINS}
    reached = any(page.status is Status.OK for page in pages.values())
    for origin, page in pages.items():
        if page.status is not Status.OK and reached and is_local(urlsplit(origin).netloc):
            continue  # of this machine's own names one is enough
        if origin.startswith("https://"):
            yield from _certificate(origin)
        yield page
        if page.status is Status.OK:
            yield from _sign_in(origin)
            yield _static(origin)
            yield _socket(origin)


def _certificate(origin: str) -> Iterator[Finding]:
    parts = urlsplit(origin)
    try:
        # Not verified here: what is wrong with it is told by the page's request, which does.
        pem = ssl.get_server_certificate((parts.hostname or "", parts.port or 443), timeout=SECONDS)
    except OSError:
        return  # likewise
    until = x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc
    days = (until - datetime.now(UTC)).days
    says = f"The certificate of {origin} is good for {days} days."
    if days < CERTIFICATE_DAYS:
        yield Finding.problem(says, "Renew it; Caddy does so by itself if it can reach its authority.")
    else:
        yield Finding.ok(says)


def _page(origin: str) -> Finding:
    began = monotonic()
    try:
        with _open(urllib.request.Request(f"{origin}/healthz")) as response:
            ours = response.read(16) == b"ok"
    except urllib.error.HTTPError as error:
        return Finding.problem(f"{origin} answers {error.code}.", "See whether the proxy passes on to Earshot.")
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", error)
        if is_local(urlsplit(origin).netloc):
            return Finding.problem(f"Nobody answers at {origin}: {reason}", "Start the server: ./run")
        return Finding.problem(
            f"{origin} cannot be reached from the server itself: {reason}",
            "If browsers reach it, the server is behind a router that does not turn back: add the name to its "
            "/etc/hosts. Else look at DNS, certificate and proxy.",
        )
    if not ours:
        return Finding.problem(f"At {origin} somebody else answers.", "See where the proxy passes on to.")
    return Finding.ok(f"{origin} answers after {1000 * (monotonic() - began):.0f} ms.")


def _sign_in(origin: str) -> Iterator[Finding]:
    """The sign-in page, which goes all the way, as /healthz does not: its host, its cookie, its https."""
    try:
        with _open(urllib.request.Request(f"{origin}{SIGN_IN}")) as response:
            cookies = SimpleCookie("; ".join(response.headers.get_all("Set-Cookie", [])))
    except urllib.error.HTTPError as error:
        advice = "Look at the server's log."
        if error.code == 400:
            advice = (
                "The proxy must pass on Host (nginx: proxy_set_header Host $host), and every process must have the "
                "same EARSHOT_ORIGINS."
            )
        yield Finding.problem(f"Pages of {origin} are refused: {error.code}.", advice)
        return
    except OSError as error:
        yield Finding.problem(f"The sign-in page of {origin} does not come: {error}", "Look at the proxy's log.")
        return
    if not origin.startswith("https://"):
        yield Finding.ok(f"The sign-in page of {origin} is served.")
        return
    token = cookies.get(settings.CSRF_COOKIE_NAME)
    if token is None or not token["secure"]:
        yield Finding.note(
            f"The cookies of {origin} may go over plain http.",
            "Take what is not https out of EARSHOT_ORIGINS, the same for every process.",
        )
    if token is not None and not _counts_as_https(origin, token.value):
        yield Finding.problem(
            f"Earshot takes what comes to {origin} for plain http.",
            "The proxy must set X-Forwarded-Proto (nginx: proxy_set_header X-Forwarded-Proto $scheme)."
            if settings.TRUSTED_PROXIES
            else "Set EARSHOT_TRUSTED_PROXIES to the number of proxies in front. Until then everybody has the address "
            "of the proxy, and who guesses passwords locks all of them out.",
        )
    else:
        yield Finding.ok(f"The sign-in page of {origin} is served, and its https is believed.")


def _counts_as_https(origin: str, token: str) -> bool:
    """An empty form that says neither Origin nor Referer: Django refuses it over https, and there only."""
    headers = {"Cookie": f"{settings.CSRF_COOKIE_NAME}={token}", "X-CSRFToken": token}
    try:
        with _open(urllib.request.Request(f"{origin}{SIGN_IN}", b"", headers)):
            return False
    except OSError:
        return True


def _static(origin: str) -> Finding:
    path = static("js/app.js")
    try:
        with _open(urllib.request.Request(origin + path)) as response:
            caching = response.headers.get("Cache-Control", "")
    except (OSError, ssl.SSLError) as error:
        return Finding.problem(f"{origin}{path}: {error}", "See whether the proxy passes /static/ on to Earshot.")
    if not settings.DEBUG and "immutable" not in caching:
        return Finding.note(
            f"Static files at {origin} are not cached for good.", "Let the proxy keep Earshot's Cache-Control."
        )
    return Finding.ok(f"Static files at {origin} are there, and cached.")


def _socket(origin: str) -> Finding:
    """A round trip."""
    began = monotonic()
    try:
        code = asyncio.run(_close_code(origin))
    except (InvalidHandshake, TimeoutError, OSError) as error:
        return Finding.problem(
            f"The WebSocket of {origin} does not open: {str(error) or 'no answer'}",
            "The proxy must pass on Upgrade and Connection for /ws/, and HTTP/1.1 to Earshot.",
        )
    if code == CloseCode.FOREIGN_ORIGIN:
        return Finding.problem(
            f"The process behind {origin} does not count it among its own.",
            "Set the same EARSHOT_ORIGINS for every process.",
        )
    if code != CloseCode.SIGNED_OUT:
        return Finding.problem(
            f"The WebSocket of {origin} was closed with {code} on its way.", "Look at the proxy's WebSocket settings."
        )
    return Finding.ok(f"The WebSocket of {origin} answers after {1000 * (monotonic() - began):.0f} ms.")


async def _close_code(origin: str) -> int:
    """What the server closes with: who has no session is let in, and then sent away with a code of ours.

    Not with the library's client for threads, which uses one TLS connection from two of them: before Python 3.13 one
    handshake in some hundreds hung of it, and now and then the whole process crashed.
    """
    url = origin.replace("http", "ws", 1) + "/ws/"
    trust = _trust() if origin.startswith("https://") else None
    try:
        async with (
            connect(url, origin=Origin(origin), ssl=trust, open_timeout=SECONDS, compression=None) as socket,
            asyncio.timeout(SECONDS),
        ):
            await socket.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006
    return 0


def _open(request: urllib.request.Request) -> Any:
    """Raises `OSError`; of what is answered with an error, its child `HTTPError`."""
    return urllib.request.urlopen(request, timeout=SECONDS, context=_trust())


def _trust() -> ssl.SSLContext:
    """What the system trusts, and this installation's own authority if it has one."""
    context = ssl.create_default_context()
    own = settings.DATA / "tls" / "earshot-ca.pem"
    if own.exists():
        context.load_verify_locations(own)
    return context
