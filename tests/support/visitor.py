"""Somebody with a link and no account: a browser without scripts that keeps its cookies."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from http.cookiejar import CookieJar
from typing import Any, Protocol

from django.conf import settings


class Site(Protocol):
    origin: str


class Visitor:
    """`handlers` say how they connect, `headers` what they send with everything, where that is not as usual."""

    def __init__(
        self,
        server: Site,
        handlers: Sequence[urllib.request.BaseHandler] = (),
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._server = server
        self._jar = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar), *handlers)
        self._opener.addheaders += headers
        self._opener.open(server.origin + "/l/", timeout=10).close()

    @property
    def session(self) -> str | None:
        return self._cookie(settings.SESSION_COOKIE_NAME)

    def look(self, secret: str, **fields: str) -> tuple[int, dict[str, Any]]:
        return self.post("/l/look", secret=secret, **fields)

    def enter(self, secret: str, name: str = "Gwen Guest", **fields: str) -> tuple[int, dict[str, Any]]:
        return self.post("/l/enter", secret=secret, name=name, **fields)

    def post(self, path: str, **fields: str) -> tuple[int, dict[str, Any]]:
        """(status, what it says); {} where it says nothing."""
        headers = {"Origin": self._server.origin, "X-CSRFToken": self._cookie("csrftoken") or ""}
        request = urllib.request.Request(self._server.origin + path, urllib.parse.urlencode(fields).encode(), headers)
        try:
            with self._opener.open(request, timeout=10) as response:
                return response.status, json.loads(response.read() or "{}")
        except urllib.error.HTTPError as refused:
            return refused.code, json.loads(refused.read() or "{}")

    def sign_in(self, login: str, password: str) -> tuple[int, str, str]:
        """(status, the address that one lands on, text)."""
        self.get("/accounts/login/")
        fields = {"csrfmiddlewaretoken": self._cookie("csrftoken") or "", "login": login, "password": password}
        headers = {"Origin": self._server.origin}
        address = self._server.origin + "/accounts/login/"
        request = urllib.request.Request(address, urllib.parse.urlencode(fields).encode(), headers)
        with self._opener.open(request, timeout=10) as response:
            return response.status, response.url, response.read().decode(errors="replace")

    def get(self, path: str) -> tuple[int, str, str]:
        """(status, the address that one lands on, text)."""
        try:
            with self._opener.open(self._server.origin + path, timeout=10) as response:
                return response.status, response.url, response.read().decode(errors="replace")
        except urllib.error.HTTPError as refused:
            return refused.code, refused.url or "", refused.read().decode(errors="replace")

    def _cookie(self, name: str) -> str | None:
        return next((cookie.value for cookie in self._jar if cookie.name == name), None)
