"""Why a call failed, for an admin: the stage, what that means, and what to change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from . import history
from .core.vocabulary import CandidateType, EndReason, FailureStage, LegState
from .models import Call, JournalEntry, Leg

# What a TURN or STUN server answers; 701 is the browser's own word for no answer (W3C WebRTC 4.8.3).
NO_ANSWER = 701

# At these stages it is the person's own devices that fail, whatever the connection was.
DEVICES = frozenset({FailureStage.PERMISSION, FailureStage.DEVICE})


@dataclass(frozen=True, slots=True)
class Step:
    """One of the stages that a call goes through before media flows."""

    name: str
    label: str
    state: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`seen` is what the browsers reported, `hints` what to change; the likeliest first."""

    heading: str
    means: str
    steps: list[Step]
    seen: list[str]
    hints: list[str]


def of(call: Call, legs: Sequence[Leg], journal: Sequence[JournalEntry]) -> Diagnosis | None:
    """None for a call that did not fail: that nobody answered, or somebody declined, is no failure."""
    if call.end_reason == EndReason.LOST:
        return _lost(legs)
    failed = next((leg for leg in legs if leg.failure), None)
    if call.end_reason != EndReason.FAILED or failed is None:
        return None
    stage = FailureStage(failed.failure)
    trace = next((each.trace for each in journal if each.leg_id == failed.pk and each.trace), None) or {}
    if stage not in DEVICES and _was_connected(call, legs):
        return _broken_off(call, failed, stage, trace)
    heading, means = _meaning(stage)
    return Diagnosis(
        heading=heading,
        means=means % {"name": _name(failed)},
        steps=_steps(stage),
        seen=_seen(failed, trace),
        hints=_hints(stage, trace, any(leg.user is not None and leg.user.hide_address for leg in legs)),
    )


def labels() -> dict[FailureStage, str]:
    return {
        FailureStage.PERMISSION: _("Permission"),
        FailureStage.DEVICE: _("Device"),
        FailureStage.SIGNALING: _("Signaling"),
        FailureStage.TURN: _("Relay sign-in"),
        FailureStage.ICE: _("Network path (ICE)"),
        FailureStage.DTLS: _("Encryption (DTLS)"),
        FailureStage.MEDIA: _("Media"),
    }


def _steps(failed: FailureStage) -> list[Step]:
    order = list(FailureStage)
    at = order.index(failed)
    states = {stage: "passed" if n < at else "failed" if n == at else "ahead" for n, stage in enumerate(order)}
    if failed is not FailureStage.TURN:
        states[FailureStage.TURN] = "ahead"  # whether a relay was asked at all is not known
    return [Step(stage, label, states[stage]) for stage, label in labels().items()]


def _meaning(stage: FailureStage) -> tuple[str, str]:
    match stage:
        case FailureStage.PERMISSION:
            return _("The browser was not allowed to use the microphone or camera"), _(
                "%(name)s answered, but the browser or the system refused the devices, and they hung up."
            )
        case FailureStage.DEVICE:
            return _("A microphone or camera could not be used"), _(
                "The device of %(name)s was missing, in use by another program, or would not start."
            )
        case FailureStage.SIGNALING:
            return _("The two browsers did not agree on a session"), _(
                "%(name)s waited in vain for the other browser's offer or answer, or could not read it."
            )
        case FailureStage.TURN:
            return _("The relay refused to let the browser in"), _(
                "No direct way was found, and the relay did not accept the credentials that this "
                "server gave to %(name)s."
            )
        case FailureStage.ICE:
            return _("No network path between the two browsers"), _(
                "%(name)s and the other side exchanged their addresses, and nothing that one sent reached the other."
            )
        case FailureStage.DTLS:
            return _("The encrypted connection did not come about"), _(
                "Packets passed between %(name)s and the other side, but the DTLS handshake did not finish."
            )
        case FailureStage.MEDIA:
            return _("No sound or picture arrived"), _("%(name)s was connected, and no media came.")


def _seen(failed: Leg, trace: dict[str, list[object]]) -> list[str]:
    seen = [_("Reported by %(name)s, whose page gave up.") % {"name": _name(failed)}]
    if trace:
        local = ", ".join(map(str, trace.get("local", []))) or _("none")
        remote = ", ".join(map(str, trace.get("remote", []))) or _("none")
        seen.append(
            _("Candidates of their own: %(types)s. Of the other side: %(others)s.") % {"types": local, "others": remote}
        )
    for code in trace.get("errors", []):
        seen.append(
            _("A STUN or TURN server did not answer (701).")
            if code == NO_ANSWER
            else _("A STUN or TURN server answered with error %(code)s.") % {"code": code}
        )
    return seen


def _hints(stage: FailureStage, trace: dict[str, list[object]], hides_address: bool) -> list[str]:
    match stage:
        case FailureStage.PERMISSION:
            return [
                _("They allow microphone and camera at the left end of the browser's address bar."),
                _("On macOS and Windows the system has a privacy setting for each browser as well."),
                _("Browsers ask only on https (or localhost): check how they reach Earshot."),
            ]
        case FailureStage.DEVICE:
            return [
                _("They close other programs that use the camera, and choose another device in Settings."),
                _("The call can be answered with the microphone only, or to listen only."),
            ]
        case FailureStage.SIGNALING:
            return [
                _("The other side may have left the browser's question about the microphone open for too long."),
                _("Their page may have been suspended or closed: look at the journal for a lost connection."),
                _("If it happens often, look at the proxy: it must pass WebSockets on and not cut them off when idle."),
            ]
        case FailureStage.TURN:
            return [
                _("TURN_SECRET must be the static-auth-secret of coturn, letter for letter."),
                _("The clocks of this server and of the relay must agree: the credentials name the time they end."),
                _("coturn needs use-auth-secret and a realm; its log names the refused user."),
            ]
        case FailureStage.ICE:
            return _ice_hints(trace, hides_address)
        case FailureStage.DTLS:
            return [
                _("A firewall between the two may let only some packets pass: try another network."),
                _("A relay on port 443 over TLS gets through most of them (TURN_URLS)."),
            ]
        case FailureStage.MEDIA:
            return [_("Ask both to check their devices; try again from another browser.")]


def _ice_hints(trace: dict[str, list[object]], hides_address: bool) -> list[str]:
    both = [trace.get("local", []), trace.get("remote", [])]
    hints = []
    if not settings.TURN_URLS:
        hints.append(
            _("There is no relay: set up coturn and name it in TURN_URLS. Networks like these cannot do without.")
        )
        if not settings.STUN_URLS:
            hints.append(
                _("There is no STUN server either (STUN_URLS): then only browsers in one network find each other.")
            )
        return hints
    if hides_address:
        hints.append(_("A side hides their address, so only the relay was tried."))
    if NO_ANSWER in trace.get("errors", []):
        hints.append(_not_reached())
        hints.append(_("Add a relay address on port 443 over TLS, which most networks let through."))
    if trace and not any(CandidateType.RELAY in side for side in both):
        hints.append(_("Neither side got a candidate from the relay: is it running, and reachable from outside?"))
    elif trace and all(CandidateType.RELAY in side for side in both):
        hints.append(
            _("Both had the relay: its relay ports (49152 to 65535, UDP) may be closed, or it denies its own address.")
        )
    return hints or [_("Check that the relay's relay ports (49152 to 65535, UDP) are open.")]


def _was_connected(call: Call, legs: Sequence[Leg]) -> bool:
    """Pages measure only what flows."""
    summaries = (getattr(leg, "quality_summary", None) for leg in legs)
    return bool(call.route) or any(summary is not None and summary.reports for summary in summaries)


def _broken_off(call: Call, failed: Leg, stage: FailureStage, trace: dict[str, list[object]]) -> Diagnosis:
    """Media flowed once: then the stages before it are nothing to look at."""
    hints = [_("A side lost its network, moved to another (from Wi-Fi to mobile), or their device slept for a while.")]
    if stage in (FailureStage.SIGNALING, FailureStage.TURN):
        hints += _hints(stage, trace, hides_address=False)
    elif not settings.TURN_URLS:
        hints.append(_("There is no relay (TURN_URLS): from a network that a side moved to there may be no other way."))
    elif NO_ANSWER in trace.get("errors", []):
        hints.append(_not_reached())
    hints.append(_("If the quality fell before the end, their network was weak: the curves below show it."))
    talked = history.length(timedelta(seconds=call.talked_seconds or 0))
    return Diagnosis(
        heading=_("The connection broke off after %(time)s and did not come back") % {"time": talked},
        means=_("%(name)s and the other side were connected; then nothing came through any more, until they gave up.")
        % {"name": _name(failed)},
        steps=[],
        seen=_seen(failed, trace),
        hints=hints,
    )


def _not_reached() -> str:
    return _("A server in TURN_URLS or STUN_URLS was not reached from their network: open its port, UDP and TCP.")


def _lost(legs: Sequence[Leg]) -> Diagnosis:
    names = ", ".join(_name(leg) for leg in legs if leg.state == LegState.LOST) or _("One side")
    return Diagnosis(
        heading=_("A side vanished"),
        means=_("Nothing was heard from the page of %(name)s for %(seconds)d s, so the call was given up.")
        % {"name": names, "seconds": settings.LEG_LEASE_SECONDS},
        steps=[],
        seen=[],
        hints=[
            _("They closed the page, the device slept, or the network was away for longer than that."),
            _("If it happens to many at once, look at the proxy and at the times of restarts."),
        ],
    )


def _name(leg: Leg) -> str:
    person = leg.user or leg.guest
    return person.name if person else _("somebody who is no longer here")
