"""A browser without scripts: asks a running server for pages, with a session's cookie."""

import re
import urllib.parse
import urllib.request
from email.message import Message

from .people import cookie_of
from .server import Server


def get(server: Server, path: str, session: str | None = None) -> tuple[int, Message, str]:
    """(status, headers, text) of a page."""
    return ask(server, path, {"Cookie": cookie_of(session)} if session else {})


def sign_out(server: Server, session: str) -> int:
    """Sign this session out as its person would; the status of the page that one lands on."""
    return submit(server, "/accounts/logout/", session)[0]


def submit(server: Server, path: str, session: str, **fields: str) -> tuple[int, Message, str]:
    """Fill the form of a page and send it; the page that one lands on."""
    _, headers, text = get(server, path, session)
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', text)
    cookie = re.search(r"csrftoken=(\w+)", str(headers["Set-Cookie"]))
    assert found and cookie, text
    cookies = f"{cookie_of(session)}; csrftoken={cookie[1]}"
    return ask(server, path, {"Cookie": cookies}, {"csrfmiddlewaretoken": found[1], **fields})


def ask(
    server: Server, path: str, headers: dict[str, str], form: dict[str, str] | None = None
) -> tuple[int, Message, str]:
    """(status, headers, text) of what is there, asked for with these headers; with a form, posted."""
    data = urllib.parse.urlencode(form).encode() if form else None
    request = urllib.request.Request(server.origin + path, data, {"Origin": server.origin, **headers})
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.status, response.headers, response.read().decode(errors="replace")
