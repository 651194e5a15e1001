"""What a served page tells the browser, and how serving starts and refuses to."""

import json
import os
import re
import socket
import ssl
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from accounts.models import User
from tests.conftest import Connect
from tests.support.pages import get
from tests.support.people import session_of
from tests.support.postgres import postgres
from tests.support.server import ROOT, Server, free_port

JS = ROOT / "static" / "js"


@pytest.fixture
def page(server: Server, people: SimpleNamespace) -> SimpleNamespace:
    status, headers, text = get(server, "/", session_of(people.ana))
    assert status == 200
    return SimpleNamespace(headers=headers, text=text)


class TestHeaders:
    def test_no_script_runs_but_ours(self, page: SimpleNamespace) -> None:
        policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert re.fullmatch(r"'self' 'nonce-[\w+/=-]+'", policy["script-src"])
        assert policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
        nonce = re.search(r"'nonce-(.+)'", policy["script-src"])[1]
        for attributes in re.findall(r"<script([^>]*)>", page.text):
            assert f'nonce="{nonce}"' in attributes or 'type="application/json"' in attributes
        assert not re.search(r"<[^>]+\s(on\w+|style)=", page.text)

    def test_the_camera_is_for_this_origin_alone(self, page: SimpleNamespace) -> None:
        policy = page.headers["Permissions-Policy"]
        assert "camera=(self)" in policy and "microphone=(self)" in policy
        assert "geolocation=()" in policy

    def test_frames_sniffing_and_referrers(self, page: SimpleNamespace) -> None:
        assert page.headers["X-Frame-Options"] == "DENY"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Referrer-Policy"] == "same-origin"


class TestStaticFiles:
    def test_every_module_is_mapped_to_its_hashed_file(self, server: Server, page: SimpleNamespace) -> None:
        found = re.search(r'<script type="importmap"[^>]*>(.+?)</script>', page.text)
        imports = json.loads(found[1])["imports"]
        assert {f"/static/js/{path.relative_to(JS)}" for path in JS.rglob("*.js")} == imports.keys()
        for hashed in imports.values():
            assert re.search(r"\.[0-9a-f]{12}\.js$", hashed)
            status, headers, _ = get(server, hashed)
            assert status == 200
            assert "immutable" in headers["Cache-Control"]

    def test_what_a_page_names_is_there(self, server: Server, page: SimpleNamespace) -> None:
        named = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text))
        assert len(named) > 10
        for path in named:
            assert get(server, path)[0] == 200

    def test_browsers_that_look_for_an_icon_find_it(self, server: Server) -> None:
        status, headers, _ = get(server, "/favicon.ico")
        assert (status, headers["Content-Type"]) == (200, "image/svg+xml")


class TestStarting:
    def serve(self, data: Path, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        environment |= {"EARSHOT_DATA": str(data), "PYTHONUNBUFFERED": "1", **more}
        return subprocess.Popen(
            [sys.executable, "manage.py", "serve", *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def until_ready(self, process: "subprocess.Popen[str]") -> str:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Stop it with" in line:
                break
        return "".join(lines)

    def test_a_taken_port_gets_a_sentence(self, tmp_path: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            process = self.serve(tmp_path, "--port", str(port))
            said, _ = process.communicate(timeout=30)
        assert process.returncode == 1
        assert f"Cannot listen on 127.0.0.1, port {port}: Address already in use." in said
        assert f"./run --port {port + 1}" in said
        assert "Traceback" not in said

    @pytest.mark.slow
    def test_a_second_process_in_the_same_folder_is_refused_without_redis(self, tmp_path: Path) -> None:
        first = self.serve(tmp_path, "--port", str(free_port()))
        try:
            self.until_ready(first)
            second = self.serve(tmp_path, "--port", str(free_port()))
            said, _ = second.communicate(timeout=30)
        finally:
            first.kill()
            first.communicate()
        assert second.returncode == 1
        assert f"Another process ({first.pid}) serves from {tmp_path} already" in said
        assert "set REDIS_URL" in said
        third = self.serve(tmp_path, "--port", str(free_port()))  # nothing is left behind by one that was killed
        try:
            assert "Stop it with" in self.until_ready(third)
        finally:
            third.kill()
            third.communicate()

    @pytest.mark.slow
    def test_a_second_process_on_the_same_postgresql_is_refused_without_redis(self, tmp_path: Path) -> None:
        """With a data folder of its own, as on another machine."""
        with postgres() as url:
            first = self.serve(tmp_path / "one", "--port", str(free_port()), DATABASE_URL=url)
            try:
                self.until_ready(first)
                second = self.serve(tmp_path / "other", "--port", str(free_port()), DATABASE_URL=url)
                said, _ = second.communicate(timeout=60)
            finally:
                first.kill()
                first.communicate()
        assert second.returncode == 1
        assert "Another process, perhaps on another machine, serves from this database already" in said
        assert "set REDIS_URL" in said and "Traceback" not in said

    @pytest.mark.slow
    def test_the_first_start_prints_the_set_up_address_until_there_is_an_admin(self, tmp_path: Path) -> None:
        port = free_port()
        process = self.serve(tmp_path, "--port", str(port))
        try:
            address = re.search(r"/setup/([\w-]{40,})/", self.until_ready(process))
            with urllib.request.urlopen(f"http://localhost:{port}{address[0]}", timeout=10) as response:
                assert b"admin" in response.read().lower()
        finally:
            process.kill()
            process.communicate()
        assert stat.S_IMODE((tmp_path / "setup_token").stat().st_mode) == 0o600

    @pytest.mark.slow
    def test_https_is_served_with_a_certificate_that_the_printed_authority_vouches_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        port = free_port()
        monkeypatch.setenv("EARSHOT_ORIGINS", f"https://localhost:{port}")
        process = self.serve(tmp_path, "--port", str(port), "--https")
        try:
            said = self.until_ready(process)
            root = tmp_path / "tls" / "earshot-ca.pem"
            assert str(root) in said
            trusting = ssl.create_default_context(cafile=str(root))
            page = f"https://localhost:{port}/accounts/login/"
            with urllib.request.urlopen(page, timeout=10, context=trusting) as response:
                cookie = response.headers["Set-Cookie"]
            assert "Secure" in cookie
            with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
                urllib.request.urlopen(page, timeout=10, context=ssl.create_default_context())
        finally:
            process.kill()
            process.communicate()
        assert stat.S_IMODE((tmp_path / "tls" / "earshot-ca.key").stat().st_mode) == 0o600


@pytest.mark.slow
def test_a_new_secret_key_signs_nobody_out(
    server: Server, people: SimpleNamespace, connect: Connect, settings: Any
) -> None:
    session = session_of(people.ana)
    rotated = Server(SECRET_KEY="k" * 64, SECRET_KEY_FALLBACKS=settings.SECRET_KEY, EARSHOT_STEWARD_TICK_SECONDS=0.1)
    rotated.start()
    try:
        ana = connect(rotated, people.ana, session=session)
        assert 'id="telephone"' in get(rotated, "/", session)[2]
        # The same look that finds Ben's new password finds nothing wrong with Ana's session.
        ben = connect(rotated, people.ben)
        User.objects.filter(pk=people.ben.pk).update(password="another")
        assert ben.until_closed() == 4500
        ana.settle()
        assert ana.close_code is None
    finally:
        rotated.kill()
