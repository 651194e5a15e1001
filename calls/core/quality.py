"""How good a connection is: what a page measures, and what listeners would say of it.

A page samples its RTCPeerConnection every 5 s and reports once a minute and at the end. The words and the mean opinion
score are made here, from the validated numbers, so that every page and every client is judged alike.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from .vocabulary import CandidateType, Quality, Route

SAMPLE_SECONDS = 5

# A report holds a minute; twice that, for pages whose timers were throttled or whose socket was away.
SAMPLES_MAX = 24
SAMPLE_AGE_MS_MAX = 600_000

# Of one leg: a call of a whole day.
REPORTS_MAX = 24 * 60 + 60

Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=60_000)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Kilobits = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]
Pixels = Annotated[int, msgspec.Meta(ge=0, le=16_384)]


class Sample(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one side measured over the last SAMPLE_SECONDS (W3C webrtc-stats). What it could not measure is None.

    `ago_ms` before the report was sent. `round_trip_ms` of the selected candidate pair; `jitter_ms`, `loss` and
    `concealed` of the sound that arrived: of its packets were lost, of its samples invented by the decoder;
    `video_loss`, `width`, `height`, `frames_per_second` of the picture that arrived. `reconnects`: how often since
    the beginning the media broke off and came back.
    """

    ago_ms: Annotated[int, msgspec.Meta(ge=0, le=SAMPLE_AGE_MS_MAX)]
    round_trip_ms: Milliseconds | None = None
    jitter_ms: Milliseconds | None = None
    loss: Share | None = None
    concealed: Share | None = None
    video_loss: Share | None = None
    send_kbps: Kilobits | None = None
    receive_kbps: Kilobits | None = None
    width: Pixels | None = None
    height: Pixels | None = None
    frames_per_second: Annotated[float, msgspec.Meta(ge=0, le=1000)] | None = None
    local: CandidateType | None = None
    remote: CandidateType | None = None
    reconnects: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0

    @property
    def route(self) -> Route | None:
        """A pair is relayed if either of its ends is."""
        if self.local is None or self.remote is None:
            return None
        return Route.RELAY if CandidateType.RELAY in (self.local, self.remote) else Route.DIRECT

    @property
    def mos(self) -> float | None:
        """None where no sound arrived that one could have an opinion of."""
        if self.loss is None:
            return None
        return mos(self.round_trip_ms or 0, self.jitter_ms or 0, max(self.loss, self.concealed or 0))


# G.107 (06/2015), table 3: with all its parameters at their defaults, R is 93.2 before delay and loss.
R_DEFAULT = 93.2

# G.113 (11/2007), appendix I, G.711 with packet loss concealment, random loss. It has no figures for Opus, which
# conceals at least as well.
IE, BPL = 0, 25.1

# What coding, packets of 20 ms and the decoder add to the network's delay, and how far a jitter buffer holds back.
CODEC_DELAY_MS = 25
JITTER_BUFFER = 2


def mos(round_trip_ms: float, jitter_ms: float, lost: float) -> float:
    """A mean opinion score from 1 to 4.5, by the E-model of ITU-T G.107, simplified.

    Of R = Ro - Is - Id - Ie,eff + A, room noise, loudness and echo keep their defaults: Ro - Is = 93.2, A = 0. Left:
    Id, what delay costs: 0.024 d + 0.11 (d - 177.3) beyond 177.3 ms (Cole and Rosenbluth's fit of the standard's
    formula), d in one direction being half the round trip, the jitter buffer and the codec; and Ie,eff, what loss
    costs: Ie + (95 - Ie) p / (p + Bpl), p in percent. R becomes a score by G.107, annex B.

    `lost` is the share, 0 to 1, of the sound that did not arrive in time to be played.
    """
    delay = round_trip_ms / 2 + JITTER_BUFFER * jitter_ms + CODEC_DELAY_MS
    from_delay = 0.024 * delay + max(0.0, 0.11 * (delay - 177.3))
    percent = 100 * lost
    from_loss = IE + (95 - IE) * percent / (percent + BPL)
    r = min(100.0, max(0.0, R_DEFAULT - from_delay - from_loss))
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)


# G.109: R from 80 "satisfied", from 60 "many users dissatisfied" and not yet nearly all.
GOOD_MOS, FAIR_MOS = 4.03, 3.10


def word(score: float | None) -> Quality | None:
    """The score as people would say it."""
    if score is None:
        return None
    if score >= GOOD_MOS:
        return Quality.GOOD
    return Quality.FAIR if score >= FAIR_MOS else Quality.POOR


def mean(values: Sequence[float | None]) -> tuple[float | None, int]:
    """The mean of those that were measured, and how many they are."""
    known = [value for value in values if value is not None]
    return (sum(known) / len(known), len(known)) if known else (None, 0)
