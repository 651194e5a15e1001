"""What ICE candidates tell of their sender (RFC 8839 section 5.1)."""

from .protocol import Answer, Candidate, Offer, PeerBody

# What browsers put into `raddr` when they may not say it.
NOWHERE = ("0.0.0.0", "::")


def reveals_address(body: PeerBody | None) -> bool:
    """Whether a peer message names an address of its sender's own: by any candidate that is not the relay's, or by
    the related address of one that is."""
    match body:
        case Candidate(candidate=line):
            return bool(line) and _reveals(line)
        case Offer(sdp=sdp) | Answer(sdp=sdp):
            return any(_reveals(line) for line in sdp.splitlines() if line.startswith("a=candidate:"))
        case _:
            return False


def _reveals(line: str) -> bool:
    """`candidate:FOUNDATION COMPONENT TRANSPORT PRIORITY ADDRESS PORT typ TYPE [raddr ADDRESS rport PORT] …`

    Firefox, told to use the relay alone, puts the relay's own address into `raddr`.
    """
    words = line.split()
    facts = dict(zip(words[6::2], words[7::2], strict=False))
    return facts.get("typ") != "relay" or facts.get("raddr", NOWHERE[0]) not in (*NOWHERE, words[4])
