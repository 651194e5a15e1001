"""A small client of the protocol, written from docs/protocol.md alone: one device of one person."""

import json
import secrets
import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

PATIENCE_SECONDS = 15
Message = dict[str, Any]


class Client:
    """Keeps the newest snapshot of each call, every message, and the close code."""

    def __init__(
        self, url: str, origin: str, cookie: str, device: str | None = None, user_agent: str | None = None
    ) -> None:
        self.device = device or secrets.token_urlsafe(16)
        self.messages: list[Message] = []
        self.calls: dict[str, Message] = {}
        self.close_code: int | None = None
        self._changed = threading.Condition()
        self._socket = connect(
            url,
            legacy=True,
            origin=Origin(origin),
            additional_headers={"Cookie": cookie},
            user_agent_header=user_agent,
            compression=None,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def hello(self, calls: list[str] | None = None) -> Message:
        self.send({"type": "hello", "protocol": 1, "device": self.device, "calls": calls or []})
        return self.wait_for("welcome")

    def send(self, message: Message | str | bytes) -> None:
        self._socket.send(json.dumps(message) if isinstance(message, dict) else message)

    def command(self, type_: str, *, id: str | None = None, **fields: Any) -> Message:
        """Send a command and return its answer, `ok` or `error`."""
        command = id or secrets.token_urlsafe(8)
        with self._changed:
            seen = len(self.messages)
        self.send({"type": type_, "id": command, **fields})
        return self.until(lambda: next((m for m in self.messages[seen:] if m.get("re") == command), None))

    def place(self, to: object, kind: str = "video", call: str | None = None) -> str:
        """Call somebody; the id of the call it became."""
        answer = self.command("call.place", call=call or str(uuid4()), to=str(to), kind=kind)
        assert answer["type"] == "ok", answer
        return str(answer["call"])

    def state(self, call: str) -> tuple[str, str | None]:
        """(my leg's state, end reason) as this device was told."""
        snapshot = self.calls[call]
        return self.leg(call)["state"], snapshot.get("end_reason")

    def leg(self, call: str, *, mine: bool = True) -> Message:
        snapshot = self.calls[call]
        return next(leg for leg in snapshot["legs"] if (leg["id"] == snapshot["me"]) is mine)

    def peer(self, call: str, seq: int, body: Message | None, **more: Any) -> None:
        """Send a peer message to the other leg at the newest epochs."""
        mine, theirs = self.leg(call), self.leg(call, mine=False)
        fields = {"call": call, "to": theirs["id"], "epoch": mine["epoch"], "to_epoch": theirs["epoch"], "ack": 0}
        self.send({"type": "peer", **fields, "seq": seq, "body": body, **more})

    def until(self, condition: Callable[[], Any], what: str = "") -> Any:
        """Wait until `condition()` is true, and return it. Fails after PATIENCE_SECONDS with what was heard."""
        with self._changed:
            found: list[Any] = []

            def holds() -> bool:
                value = condition()
                found[:] = [value] if value else []
                return bool(found)

            if self._changed.wait_for(holds, PATIENCE_SECONDS):
                return found[0]
            raise AssertionError(
                f"{what or 'It'} did not come about. Heard: {self.messages[-8:]}, closed: {self.close_code}"
            )

    def until_call(self, call: str, state: str) -> Message:
        """Wait for the call's state; returns the snapshot."""
        self.until(lambda: self.calls.get(call, {}).get("state") == state, f"{state} {call}")
        return self.calls[call]

    def wait_for(self, type_: str) -> Message:
        return self.until(lambda: next((m for m in self.messages if m["type"] == type_), None), type_)  # type: ignore[no-any-return]

    def until_closed(self) -> int:
        return int(self.until(lambda: self.close_code, "close"))

    def heard(self, type_: str) -> list[Message]:
        with self._changed:
            return [message for message in self.messages if message["type"] == type_]

    def settle(self) -> None:
        """Everything the server sent before now has been read: a ping has come back."""
        with self._changed:
            seen = len(self.messages)
        self.send({"type": "ping"})
        self.until(lambda: any(m["type"] == "pong" for m in self.messages[seen:]), "pong")

    def drop(self) -> None:
        """Cut the connection without a close, as a lost network does."""
        self._socket.socket.close()

    def close(self) -> None:
        self._socket.close()

    def _read(self) -> None:
        try:
            for frame in self._socket:
                self._take(json.loads(frame))
        except (ConnectionClosed, OSError):
            pass
        with self._changed:
            self.close_code = self._socket.close_code or 1006
            self._changed.notify_all()

    def _take(self, message: Message) -> None:
        with self._changed:
            self.messages.append(message)
            snapshots = message["calls"] if message["type"] == "welcome" else []
            if message["type"] == "call":
                snapshots = [message["call"]]
            for snapshot in snapshots:
                if snapshot["rev"] >= self.calls.get(snapshot["id"], {"rev": 0})["rev"]:
                    self.calls[snapshot["id"]] = snapshot
            self._changed.notify_all()
