"""Makes the screenshots of README and docs: `python -m scripts.screenshots` after `./test` has set up the tools.

Starts a server on a data folder of its own with the demo's people, drives real browsers, and writes
docs/screenshots/*.png.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.support.fakes import write_colour, write_tone

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "screenshots"
FLAGS = [
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


def serve(data):
    """The demo on a free port: (process, origin, passwords by handle)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    origin = f"http://localhost:{port}"
    environment = {**os.environ, "EARSHOT_DATA": data, "EARSHOT_ORIGINS": origin, "EARSHOT_SIGN_UP": "open"}
    log = Path(data) / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--demo", "--port", str(port)], cwd=ROOT, env=environment, stdout=out
        )
    while True:
        try:
            urllib.request.urlopen(origin + "/healthz", timeout=1)
            break
        except OSError:
            if process.poll() is not None:
                raise SystemExit(log.read_text()) from None
            time.sleep(0.1)
    return process, origin, dict(re.findall(r"handle (\S+)\s+password (\S+)", log.read_text()))


def take_admin(playwright):
    """The admin's pages, on a database full of made-up calls."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "EARSHOT_DATA": folder}
        for command in (["migrate", "-v0"], ["demo"], ["generate_calls", "4000", "--days", "60", "--seed", "5"]):
            manage = [sys.executable, "manage.py", *command]
            subprocess.run(manage, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        admin = "from accounts.models import User; User.objects.update(is_staff=True, is_superuser=True)"
        with_journal = "from calls.models import Call; print(Call.objects.filter(journal__isnull=False, {})[0].pk)"
        failed, talked = with_journal.format("legs__failure='ice'"), with_journal.format("talked_seconds__gt=300")
        run = [sys.executable, "manage.py", "shell", "-v0", "-c"]
        subprocess.run([*run, admin], cwd=ROOT, env=environment, check=True)
        ids = [
            subprocess.check_output([*run, text], cwd=ROOT, env=environment, text=True).strip()
            for text in (failed, talked)
        ]
        process, origin, passwords = serve(folder)
        try:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            for scheme, suffix in (("light", ""), ("dark", "-dark")):
                page = browser.new_context(base_url=origin, viewport=DESKTOP, color_scheme=scheme).new_page()
                page.goto("/")
                page.fill("input[name=login]", "ana")
                page.fill("input[name=password]", passwords["ana"])
                page.keyboard.press("Enter")
                page.wait_for_selector("#page")
                for name, path in (
                    ("overview", "overview/?days=30"),
                    ("log", "?quality=fair"),
                    ("failed", f"{ids[0]}/change/"),
                    ("call", f"{ids[1]}/change/"),
                    ("doctor", "../../doctor/"),
                ):
                    page.goto(f"/admin/calls/call/{path}")
                    if name == "doctor":
                        page.wait_for_selector("#browser[data-done]")
                    page.screenshot(path=TARGET / f"admin-{name}{suffix}.png", animations="disabled")
            browser.close()
        finally:
            process.terminate()


def main():
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        process, origin, passwords = serve(folder)
        try:
            take(playwright, origin, passwords, Path(folder))
        finally:
            process.terminate()
        take_admin(playwright)
    print(f"Written to {TARGET.relative_to(ROOT)}: {', '.join(sorted(file.name for file in TARGET.glob('*.png')))}")


def take(playwright, origin, passwords, folder):
    def sign_in(handle, colour, scheme, viewport):
        video = write_colour(folder / f"{handle}.y4m", *colour)
        audio = write_tone(folder / f"{handle}.wav", 440)
        fake = [f"--use-file-for-fake-video-capture={video}", f"--use-file-for-fake-audio-capture={audio}"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*FLAGS, *fake])
        context = browser.new_context(base_url=origin, viewport=viewport, color_scheme=scheme, locale="en-GB")
        page = context.new_page()
        page.goto("/")
        if viewport is DESKTOP:
            save(page, f"sign-in-{scheme}")
        page.fill("input[name=login]", handle)
        page.fill("input[name=password]", passwords[handle])
        page.keyboard.press("Enter")
        page.wait_for_selector("#my-portrait .presence[data-status=online]", state="attached")
        return page

    def save(page, name):
        page.screenshot(path=TARGET / f"{name}.png", animations="disabled")

    ana = sign_in("ana", (150, 96, 66), "light", DESKTOP)
    mira = sign_in("mira", (58, 92, 116), "dark", DESKTOP)
    yuki = sign_in("yuki", (70, 110, 80), "dark", PHONE)
    jonas = sign_in("jonas", (120, 90, 120), "light", PHONE)
    ana.wait_for_selector("[data-name='Mira Okafor'] .presence[data-status=online]")
    save(yuki, "people-phone-dark")
    save(jonas, "people-phone")

    # A call that nobody answers, for the history.
    mira.get_by_role("button", name="Voice call Ana Duarte", exact=True).click()
    ana.get_by_role("alertdialog").wait_for()
    mira.get_by_role("button", name="Hang up").click()
    mira.get_by_role("button", name="Close").click()
    ana.get_by_role("link", name="Mira Okafor").click()
    ana.wait_for_selector(".passed")
    save(ana, "people")

    jonas.get_by_role("button", name="Video call Yuki Mori", exact=True).click()
    yuki.get_by_role("alertdialog").wait_for()
    save(yuki, "ring-phone-dark")
    yuki.get_by_role("button", name="Decline").click()
    jonas.get_by_text("declined the call").wait_for()
    save(jonas, "declined-phone")
    jonas.get_by_role("button", name="Close").click()

    ana.locator(".people__list").get_by_role("button", name="Video call Mira Okafor", exact=True).click()
    mira.get_by_role("alertdialog").wait_for()
    ana.get_by_text("Ringing…").wait_for()
    save(mira, "ring-dark")
    save(ana, "ringing")
    mira.get_by_role("button", name="Accept", exact=True).click()
    for page in (ana, mira):
        page.wait_for_selector("#stage.stage--picture .stage__pill:not([hidden])")
        page.mouse.move(400, 300)
    save(ana, "stage")
    ana.get_by_role("button", name="Show pages").click()
    ana.get_by_role("link", name="Recents").click()
    ana.wait_for_selector("#page[data-page=recents]")
    save(ana, "recents-in-a-call")
    ana.get_by_role("button", name="Hang up").click()
    mira.get_by_text("Call ended").wait_for()
    save(mira, "ended")
    mira.get_by_role("button", name="Close").click()
    mira.get_by_role("link", name="Settings").first.click()
    mira.wait_for_selector("#page[data-page=settings]")
    save(mira, "settings-dark")

    ana.get_by_role("button", name="Close").click()
    ana.get_by_role("link", name="Links", exact=True).click()
    ana.get_by_role("button", name="Turn it on").click()
    ana.get_by_role("button", name="Turn it off").wait_for()
    ana.get_by_role("link", name="New link").click()
    ana.get_by_label("What it is for").fill("Interview")
    save(ana, "link-new")
    ana.get_by_role("button", name="Make the link").click()
    ana.get_by_role("heading", name="Interview").wait_for()
    ana.wait_for_function("() => document.querySelector('.qr').complete")
    save(ana, "link")
    address = ana.locator("[data-copy] input").input_value()
    ana.get_by_role("link", name="Links", exact=True).first.click()
    ana.get_by_role("heading", name="Links that you made").wait_for()
    save(ana, "links")

    guest = jonas.context.browser.new_context(viewport=PHONE, color_scheme="light", locale="en-GB").new_page()
    guest.goto(address)
    guest.get_by_label("Your name").fill("Gwen Okoye")
    guest.get_by_label("What it is about").fill("About Tuesday")
    guest.wait_for_function("() => document.querySelector('.guest__preview video').videoWidth > 0")
    save(guest, "guest-phone")
    guest.get_by_role("button", name="Video call Ana Duarte").click()
    ana.get_by_role("alertdialog").wait_for()
    save(ana, "ring-of-a-guest")
    ana.get_by_role("button", name="Decline").click()
    guest.get_by_text("declined the call").wait_for()
    save(guest, "guest-declined-phone")
    guest.context.close()
    ana.get_by_role("link", name="Recents").click()
    ana.wait_for_selector(".recent")
    save(ana, "recents")

    yuki.get_by_role("button", name="Video call Jonas Lindqvist", exact=True).click()
    jonas.get_by_role("alertdialog").wait_for()
    save(jonas, "ring-phone")
    jonas.get_by_role("button", name="Accept", exact=True).click()
    jonas.wait_for_selector("#stage.stage--picture .stage__pill:not([hidden])")
    jonas.mouse.move(200, 300)
    save(jonas, "stage-phone")


if __name__ == "__main__":
    main()
