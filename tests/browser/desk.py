"""What a person does and sees at a desk: one page of Earshot in real Chromium."""

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, expect

from accounts.models import User
from tests.support.wait import PATIENCE_SECONDS

expect.set_options(timeout=PATIENCE_SECONDS * 1000)

# Counts what the page opens and sends, from before its first script; and notes when it was first told of an active
# call, when it let go of a device, and when the other side's picture came: in milliseconds that two pages can compare.
COUNTERS = """
window.counted = {connections: [], peerMessages: 0, candidates: 0, heard: 0, tracks: [], tones: [], rings: 0};
window.noted = {active: 0, freed: 0, picture: 0};
const now = () => performance.timeOrigin + performance.now();
const stop = MediaStreamTrack.prototype.stop;
MediaStreamTrack.prototype.stop = function () { window.noted.freed = now(); return stop.call(this); };
document.addEventListener("loadeddata", (event) => {
  if (event.target.matches("video.stage__remote")) window.noted.picture = now();
}, true);
const ask = navigator.mediaDevices?.getUserMedia;
if (ask) MediaDevices.prototype.getUserMedia = async function (...args) {
  const stream = await ask.apply(this, args);
  window.counted.tracks.push(...stream.getTracks());
  return stream;
};
const Oscillator = OscillatorNode;
window.OscillatorNode = class extends Oscillator {
  constructor(context, options) { super(context, options); window.counted.tones.push(options.frequency); }
};
addEventListener("DOMContentLoaded", () => {
  const rings = document.querySelector("#rings");
  if (rings) new MutationObserver((all) => {
    for (const one of all) window.counted.rings += one.addedNodes.length;
  }).observe(rings, {childList: true});
});
const Native = RTCPeerConnection;
window.RTCPeerConnection = class extends Native {
  constructor(...args) { super(...args); window.counted.connections.push(this); }
};
const Socket = WebSocket;
window.WebSocket = class extends Socket {
  constructor(...args) {
    super(...args);
    this.addEventListener("message", ({data}) => {
      window.counted.heard += 1;
      if (JSON.parse(data).call?.state === "active") window.noted.active ||= now();
    });
  }
};
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (text) {
  const message = JSON.parse(text);
  if (message.type === "peer") window.counted.peerMessages += 1;
  if (message.body?.kind === "candidate") window.counted.candidates += 1;
  return send.call(this, text);
};
"""

COLOUR = """(video) => {
  if (!video.videoWidth) return null;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""

LOUDEST = """(video) => {
  if (!video.srcObject?.getAudioTracks().length) return 0;
  if (window.heard?.stream !== video.srcObject) {
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, {fftSize: 8192, smoothingTimeConstant: 0.5});
    context.createMediaStreamSource(video.srcObject).connect(analyser);
    window.heard = {stream: video.srcObject, context, analyser};
  }
  const {analyser, context} = window.heard;
  const levels = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(levels);
  const peak = levels.indexOf(Math.max(...levels));
  return levels[peak] > -70 ? (peak * context.sampleRate) / analyser.fftSize : 0;
}"""

FRAMES = """async () => {
  const open = window.counted.connections.filter((each) => each.connectionState !== "closed");
  let frames = 0;
  for (const connection of open)
    for (const each of (await connection.getStats()).values())
      if (each.type === "inbound-rtp" && each.kind === "video") frames += each.framesDecoded ?? 0;
  return frames;
}"""

LOOK = f"""async () => {{
  const stage = document.querySelector("#stage");
  return {{
    says: stage.innerText,
    frames: await ({FRAMES})(),
    hertz: ({LOUDEST})(stage.querySelector("video.stage__remote")),
    heard: window.counted.heard,
  }};
}}"""


@dataclass
class Look:
    """A call at one moment: what the stage says, pictures decoded, the loudest tone, messages heard from the server."""

    says: str
    frames: int
    hertz: float
    heard: int


class Desk:
    def __init__(self, context: BrowserContext, user: User) -> None:
        self.user = user
        self.errors: list[str] = []
        context.add_init_script(COUNTERS)
        self.page: Page = context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._console)

    def _console(self, message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def open(self, path: str = "/") -> "Desk":
        self.page.goto(path)
        self.until_on_line()
        return self

    def until_on_line(self) -> None:
        expect(self.page.locator("#my-portrait .presence:not([data-status=offline])")).to_be_attached()

    @property
    def stage(self) -> Locator:
        return self.page.get_by_role("region", name="Call")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def ring(self, caller: "Desk") -> Locator:
        return self.page.get_by_role("alertdialog", name=f"Incoming call from {caller.user.name}")

    def sees_on_line(self, other: "Desk") -> None:
        dot = self.page.locator(f".people__list [data-presence-of='{other.user.pk}'][data-status=online]")
        expect(dot).to_be_visible()

    def call(self, other: "Desk", kind: str = "Video") -> None:
        self.sees_on_line(other)
        self.button(f"{kind} call {other.user.name}").click()

    def picture(self) -> Locator:
        return self.stage.locator("video.stage__remote")

    def colour(self) -> list[int] | None:
        return self.picture().evaluate(COLOUR)  # type: ignore[no-any-return]

    def loudest_hertz(self) -> float:
        return float(self.picture().evaluate(LOUDEST))

    def frames(self) -> int:
        return int(self.page.evaluate(FRAMES))

    def look(self) -> Look:
        return Look(**self.page.evaluate(LOOK))

    def open_connections(self) -> int:
        return int(self.page.evaluate("window.counted.connections.filter((c) => c.signalingState !== 'closed').length"))

    def open_devices(self) -> int:
        return open_devices(self.page)

    def counted(self, what: str) -> int:
        return int(self.page.evaluate(f"window.counted.{what}"))

    def noted(self, what: str) -> float:
        """When it came about, in milliseconds since 1970; 0 if it did not."""
        return noted(self.page, what)

    def says(self, text: str) -> None:
        expect(self.stage.get_by_text(text).first).to_be_visible()

    def until_connected(self) -> None:
        expect(self.stage).to_have_attribute("data-phase", "active")


def open_devices(page: Page) -> int:
    return int(page.evaluate("window.counted.tracks.filter((track) => track.readyState === 'live').length"))


def noted(page: Page, what: str) -> float:
    return float(page.evaluate(f"window.noted.{what}"))


class GuestDesk(Desk):
    """Somebody with a link and no account."""

    def __init__(self, context: BrowserContext, name: str) -> None:
        super().__init__(context, User(name=name))

    def heading(self, text: str) -> Locator:
        return self.page.get_by_role("heading", name=text, exact=True)

    def enter(self, owner: User, kind: str = "Video", line: str = "") -> None:
        self.page.get_by_label("Your name").fill(self.user.name)
        self.page.get_by_label("What it is about").fill(line)
        self.button(f"{kind} call {owner.name}").click()


def is_close(colour: list[int] | None, wanted: tuple[int, int, int]) -> bool:
    return colour is not None and all(abs(a - b) < 60 for a, b in zip(colour, wanted, strict=True))
