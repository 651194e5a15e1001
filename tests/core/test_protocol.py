"""Every message is strict: what is not exactly of the protocol is refused with a code and the field's name."""

import json
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.core import protocol
from calls.core.errors import BadMessage, TooLarge, UnknownType

CALL = str(uuid4())
LEG = str(uuid4())
DEVICE = "device-of-ana-0001"


def frame(**fields: object) -> str:
    return json.dumps(fields)


def peer(body: object, **more: object) -> str:
    fields = {"call": CALL, "to": LEG, "epoch": 1, "to_epoch": 1, "seq": 1, "ack": 0, "body": body}
    return frame(type="peer", **{**fields, **more})


def test_a_message_is_its_type() -> None:
    message = protocol.decode(frame(type="call.place", id="c1", call=CALL, to=LEG, kind="video"))
    assert message == protocol.Place(id="c1", call=UUID(CALL), to=UUID(LEG), kind=protocol.Kind.VIDEO)


@pytest.mark.parametrize("type_", protocol.CLIENT_TYPES)
def test_every_type_refuses_an_unknown_key(type_: str) -> None:
    with pytest.raises(BadMessage):
        protocol.decode(frame(type=type_, id="c1", call=CALL, surprise=1))


@pytest.mark.parametrize("text", ["", "no json", "[]", "3", '"hello"', "null", "{", "[" * 60_000])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(BadMessage):
        protocol.decode(text)


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "call.accept", "call": CALL},
        {"type": "call.accept", "id": "", "call": CALL},
        {"type": "call.accept", "id": "x" * 65, "call": CALL},
        {"type": "call.accept", "id": "c\n1", "call": CALL},
        {"type": "call.accept", "id": 1, "call": CALL},
        {"type": "call.accept", "id": "c1", "call": "not-a-uuid"},
        {"type": "call.place", "id": "c1", "call": CALL, "to": LEG, "kind": "telepathy"},
        {"type": "call.hang_up", "id": "c1", "call": CALL, "failure": "bad mood"},
        {"type": "hello", "protocol": 1, "device": "short"},
        {"type": "hello", "protocol": 1, "device": DEVICE, "calls": [CALL] * 17},
        {"type": "presence.watch", "id": "c1", "people": [CALL] * 501},
    ],
)
def test_wrong_fields_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(BadMessage):
        protocol.decode(json.dumps(fields))


@pytest.mark.parametrize("type_", ["websocket.disconnect", "deliver", "call", "welcome", "ok", ""])
def test_a_type_of_the_server_or_the_layer_is_unknown(type_: str) -> None:
    with pytest.raises(UnknownType):
        protocol.decode(frame(type=type_, id="c1", call=CALL))


class TestSizes:
    def test_a_frame_of_the_limit_passes_and_one_byte_more_does_not(self) -> None:
        text = peer({"kind": "offer", "sdp": "x"})
        padded = text + " " * (protocol.FRAME_BYTES - len(text))
        assert protocol.decode(padded)
        with pytest.raises(TooLarge):
            protocol.decode(padded + " ")

    def test_frames_count_bytes_not_characters(self) -> None:
        with pytest.raises(TooLarge):
            protocol.decode("é" * (protocol.FRAME_BYTES // 2 + 1))

    def test_sdp(self) -> None:
        assert protocol.decode(peer({"kind": "offer", "sdp": "x" * protocol.SDP_BYTES}))
        with pytest.raises(BadMessage):
            protocol.decode(peer({"kind": "answer", "sdp": "x" * (protocol.SDP_BYTES + 1)}))

    def test_sdp_counts_bytes_not_characters(self) -> None:
        with pytest.raises(TooLarge, match="An SDP has"):
            protocol.decode(peer({"kind": "answer", "sdp": "SDP"}).replace("SDP", "é" * (protocol.SDP_BYTES // 2 + 1)))

    def test_candidate(self) -> None:
        assert protocol.decode(peer({"kind": "candidate", "candidate": "x" * protocol.CANDIDATE_BYTES}))
        with pytest.raises(BadMessage):
            protocol.decode(peer({"kind": "candidate", "candidate": "x" * (protocol.CANDIDATE_BYTES + 1)}))


class TestPeer:
    def test_a_candidate_has_the_names_that_browsers_give_it(self) -> None:
        init = {"candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "u"}
        message = protocol.decode(peer({"kind": "candidate", **init}))
        assert json.loads(protocol.encode(message.body)) == {"kind": "candidate", **init}

    @pytest.mark.parametrize(("seq", "body"), [(0, {"kind": "media", "microphone": True, "camera": True}), (1, None)])
    def test_a_body_is_numbered_and_a_number_has_a_body(self, seq: int, body: object) -> None:
        with pytest.raises(BadMessage):
            protocol.decode(peer(body, seq=seq))

    def test_an_acknowledgement_has_no_body(self) -> None:
        assert protocol.decode(peer(None, seq=0, ack=7)).ack == 7

    @pytest.mark.parametrize(
        "body",
        [
            {"kind": "rollback"},
            {"kind": "offer"},
            {"sdp": "x"},
            "offer",
            {"kind": "media", "microphone": 1, "camera": 0},
        ],
    )
    def test_other_bodies_are_refused(self, body: object) -> None:
        with pytest.raises(BadMessage):
            protocol.decode(peer(body))

    def test_what_is_forwarded_is_written_anew(self) -> None:
        forward = protocol.PeerForward(
            call=CALL, from_=LEG, epoch=1, to_epoch=2, seq=3, ack=4, body=protocol.Offer(sdp="v=0")
        )
        assert json.loads(protocol.encode(forward)) == {
            "type": "peer", "call": CALL, "from": LEG, "epoch": 1, "to_epoch": 2, "seq": 3, "ack": 4,
            "body": {"kind": "offer", "sdp": "v=0"},
        }  # fmt: skip


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_no_json_brings_the_decoder_down(value: object) -> None:
    with pytest.raises(BadMessage):
        protocol.decode(json.dumps(value))


@given(st.text())
def test_no_text_brings_the_decoder_down(text: str) -> None:
    with pytest.raises(BadMessage):
        protocol.decode(text)
