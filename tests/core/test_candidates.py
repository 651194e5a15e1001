"""With "hide my address" on, only the relay's candidates pass."""

import pytest

from calls.core.candidates import reveals_address
from calls.core.protocol import Answer, Candidate, Media, Offer

HOST = "candidate:1 1 udp 2113937151 192.0.2.77 54321 typ host generation 0"
MDNS = "candidate:1 1 udp 2113937151 6a1f.local 54321 typ host"
REFLEXIVE = "candidate:2 1 udp 1677729535 203.0.113.5 54321 typ srflx raddr 192.0.2.77 rport 54321"
RELAY = "candidate:3 1 udp 33562367 198.51.100.9 49170 typ relay raddr 0.0.0.0 rport 0 generation 0"
FIREFOX = "candidate:3 1 UDP 33562367 198.51.100.9 49170 typ relay raddr 198.51.100.9 rport 49170"
TELLTALE = "candidate:3 1 udp 33562367 198.51.100.9 49170 typ relay raddr 203.0.113.5 rport 54321"


@pytest.mark.parametrize("line", [HOST, MDNS, REFLEXIVE, TELLTALE, "candidate:1 typ", "192.0.2.77 typ relay"])
def test_reveals(line: str) -> None:
    assert reveals_address(Candidate(line))


@pytest.mark.parametrize("line", [RELAY, RELAY.replace("0.0.0.0", "::"), FIREFOX, ""])
def test_does_not_reveal(line: str) -> None:
    assert not reveals_address(Candidate(line))


@pytest.mark.parametrize("kind", [Offer, Answer])
def test_candidates_in_an_sdp_count(kind: type) -> None:
    sdp = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na={}\r\n"
    assert reveals_address(kind(sdp.format(HOST)))
    assert not reveals_address(kind(sdp.format(RELAY)))
    assert not reveals_address(kind(sdp.format(FIREFOX)))


def test_other_messages_name_none() -> None:
    assert not reveals_address(Media(microphone=True, camera=True))
    assert not reveals_address(None)
