"""The socket: parses frames, asks the switchboard or the exchange, answers. No rule lives here.

`SignalingConsumer` runs its own loop where Channels' dispatch would close old database connections, start a
task and look up a handler by name for every frame: that costs more than the frame does.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

import redis
from channels.consumer import AsyncConsumer
from django.conf import settings
from django.db import DatabaseError, InterfaceError

from . import events, quality_reports, switchboard, welcome
from .client_name import client_name
from .core import protocol
from .core.errors import BadMessage, CallError, NotAllowed, TooMany, TryAgain
from .core.protocol import Command, Hello, Peer, Ping, Watch, encode
from .core.vocabulary import CloseCode
from .device import Device, next_hello
from .exchange import exchange
from .identity import session_key
from .limits import BAD_FRAMES, FLOOD_FRAMES, FRAMES_BURST, FRAMES_PER_SECOND, TokenBucket
from .metrics import COMMAND_SECONDS, COMMANDS
from .offload import offload_in_time

logger = logging.getLogger(__name__)

# A page says hello as soon as the socket opens; one that does not is none of ours.
HELLO_SECONDS = 10

# Commands that wait for the database, each socket. A person's fingers do not make more.
COMMANDS_WAITING = 32

# What is away for now: the command, or the socket, may come again.
AWAY = (DatabaseError, InterfaceError, redis.RedisError, TimeoutError)

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Disconnected(Exception):
    """The client has closed the socket."""


class SignalingConsumer(AsyncConsumer):
    """One socket, from its handshake to its end."""

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._bucket = TokenBucket(FRAMES_PER_SECOND, FRAMES_BURST)
        self._patience = TokenBucket(FRAMES_PER_SECOND, FLOOD_FRAMES)
        self._bad_frames = 0
        self._told_too_many = False
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        try:
            device = await self._hello(scope)
        except Disconnected:
            return
        if device is None:
            return
        self._commands: asyncio.Queue[Command] = asyncio.Queue(COMMANDS_WAITING)
        worker = asyncio.create_task(self._work(device))
        try:
            while True:
                self._take(device, await self._frame())
                # A frame that is there already is taken without waiting: those of one page would come all in one turn.
                await asyncio.sleep(0)
        except Disconnected:
            pass
        finally:
            exchange.leave(device)
            events.log(
                "socket.closed", user=device.person, code=device.close_code, seconds=monotonic() - device.opened_at
            )
            # A command that is with the database goes on to its end; those that wait are repeated by the page.
            worker.cancel()

    async def _hello(self, scope: dict[str, Any]) -> Device | None:
        """Sign the socket in. None, and the socket closed with the reason, if it may not stay."""
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin not in settings.EARSHOT_ORIGINS:
            logger.warning("A socket was refused: its origin %r is not one of EARSHOT_ORIGINS.", origin[:200])
            return await self._close(CloseCode.FOREIGN_ORIGIN)
        key = session_key(scope)
        if key is None:
            return await self._close(CloseCode.SIGNED_OUT)
        try:
            hello = protocol.decode(_text(await asyncio.wait_for(self._frame(), HELLO_SECONDS)))
        except TimeoutError:
            return await self._close(CloseCode.SILENT)
        except BadMessage as error:
            await self._send(_frame(_error(error)))
            return await self._close(CloseCode.BAD_MESSAGES)
        if not isinstance(hello, Hello):
            return await self._close(CloseCode.BAD_MESSAGES)
        if hello.protocol < protocol.OLDEST_PROTOCOL_VERSION:
            return await self._close(CloseCode.PROTOCOL_TOO_OLD)
        number = next_hello()
        try:
            arrival = await offload_in_time(welcome.sign_in, key, hello)
        except AWAY:
            logger.exception("A socket could not be signed in.")
            return await self._close(CloseCode.TRY_AGAIN)
        if arrival is None:
            return await self._close(CloseCode.SIGNED_OUT)
        if exchange.stopping:
            return await self._close(CloseCode.RESTARTING)
        device = arrival.device(hello.device, self._send, headers.get(b"user-agent", b"").decode("latin-1"), number)
        welcome.let_in(device, arrival)
        events.log("socket.opened", user=device.person)
        return device

    async def _close(self, code: int) -> None:
        await self._send({"type": "websocket.close", "code": code})

    async def _frame(self) -> dict[str, Any]:
        event = await self._receive()
        if event["type"] == "websocket.disconnect":
            raise Disconnected
        return event

    def _take(self, device: Device, event: dict[str, Any]) -> None:
        """One frame: checked, then done at once or queued for the database."""
        device.doubted = False
        if device.closing:
            return
        if not self._bucket.take():
            if not self._patience.take():
                device.close(CloseCode.FLOOD)
            elif not self._told_too_many:
                self._told_too_many = True
                device.post(encode(_error(TooMany())))
            return
        self._told_too_many = False
        try:
            message = protocol.decode(_text(event))
            self._bad_frames = 0
            self._do(device, message)
        except BadMessage as error:
            self._bad_frames += 1
            device.post(encode(_error(error)))
            if self._bad_frames >= BAD_FRAMES:
                device.close(CloseCode.BAD_MESSAGES)
        except CallError as error:
            device.post(encode(_error(error, message)))

    def _do(self, device: Device, message: Any) -> None:
        match message:
            case Peer():
                exchange.relay(device, message)
            case Ping(idle=idle, hidden=hidden):
                device.heard(hidden)
                exchange.idle(device, idle)
                device.post(encode(protocol.Pong()))
            case Hello():
                raise NotAllowed("You have said hello already.")
            case Watch(id=command, people=people):
                exchange.watch(device, people)
                device.post(encode(protocol.Ok(re=command)))
            case _:
                try:
                    self._commands.put_nowait(message)
                except asyncio.QueueFull:
                    raise TooMany from None

    async def _work(self, device: Device) -> None:
        """Carries out commands, one after the other, beside the loop: peer messages and pings do not wait."""
        while True:
            command = await self._commands.get()
            began = monotonic()
            answer = await self._answer(device, command)
            device.post(encode(answer))
            _note(device, command, answer, monotonic() - began)

    async def _answer(self, device: Device, command: Command) -> protocol.Ok | protocol.Error:
        try:
            call_id = await offload_in_time(_carry_out, device, command)
        except CallError as error:
            return _error(error, command)
        except AWAY:
            logger.exception("A command could not be carried out now.")
            return _error(TryAgain(), command)
        return protocol.Ok(re=command.id, call=str(call_id))


def _note(device: Device, command: Command, answer: protocol.Ok | protocol.Error, seconds: float) -> None:
    type_ = str(command.__struct_config__.tag)
    result = "ok" if isinstance(answer, protocol.Ok) else answer.code
    COMMANDS.labels(type_, result).inc()
    COMMAND_SECONDS.observe(seconds)
    events.log("command", command=type_, call=answer.call, user=device.person, code=result, seconds=seconds)


def _carry_out(device: Device, command: Command) -> Any:
    """Runs in a database thread. Returns the id of the call that it was about."""
    link = device.host.link if device.host else None
    actor = switchboard.Actor(device.person_id, device.id, command.id, link, client_name(device.user_agent))
    match command:
        case protocol.Place(call=call, to=to, kind=kind):
            return switchboard.place(actor, call, to, kind)
        case protocol.Alert(call=call):
            return switchboard.alert(actor, call)
        case protocol.Accept(call=call, leave=leave):
            return switchboard.accept(actor, call, leave)
        case protocol.Decline(call=call):
            return switchboard.decline(actor, call)
        case protocol.HangUp(call=call, failure=failure, trace=trace):
            return switchboard.hang_up(actor, call, failure, trace)
        case protocol.Move(call=call):
            return switchboard.move(actor, call)
        case protocol.Rejoin(call=call):
            return switchboard.rejoin(actor, call)
        case protocol.QualityReport():
            return quality_reports.report(device.person_id, device.id, command)
        case _:
            raise AssertionError(f"no act for {command}")


def _text(event: dict[str, Any]) -> str:
    text = event.get("text")
    if text is None:
        raise BadMessage("Frames are text, not binary.")
    return str(text)


def _error(error: CallError, message: object = None) -> protocol.Error:
    call = getattr(message, "call", None)
    return protocol.Error(
        code=error.code,
        message=error.message,
        re=getattr(message, "id", None),
        call=str(call) if call else None,
    )


def _frame(message: protocol.Message) -> dict[str, Any]:
    return {"type": "websocket.send", "text": encode(message).decode()}
