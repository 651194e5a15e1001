"""One vocabulary: what Python says, the browser half says."""

import re
from enum import StrEnum
from pathlib import Path

import pytest

from calls.core import protocol, vocabulary

SOURCE = (Path(__file__).parents[2] / "static" / "js" / "protocol.js").read_text()


def js_array(name: str) -> list[str]:
    match = re.search(rf"export const {name} = Object\.freeze\(\[(.*?)\]\)", SOURCE, re.S)
    assert match, f"{name} is not in protocol.js"
    return re.findall(r'"(\w+)"', match[1])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("KINDS", vocabulary.Kind),
        ("ROLES", vocabulary.Role),
        ("LEG_STATES", vocabulary.LegState),
        ("CALL_STATES", vocabulary.CallState),
        ("END_REASONS", vocabulary.EndReason),
        ("FAILURE_STAGES", vocabulary.FailureStage),
        ("PRESENCE", vocabulary.Presence),
        ("LINK_STATES", vocabulary.LinkState),
    ],
)
def test_words(name: str, words: type[StrEnum]) -> None:
    assert js_array(name) == [word.value for word in words]


def test_close_codes() -> None:
    found = re.findall(r"^  ([A-Z_]+): (\d{4}),$", SOURCE, re.M)
    ours = {name: code for name, code in vars(vocabulary.CloseCode).items() if name.isupper()}
    assert {name: int(code) for name, code in found} == ours


def test_protocol_version() -> None:
    assert f"PROTOCOL_VERSION = {protocol.PROTOCOL_VERSION};" in SOURCE


def test_every_word_of_an_ending_has_its_row_in_the_protocol() -> None:
    page = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
    for type_ in (*protocol.CLIENT_TYPES, *protocol.SERVER_TYPES):
        assert f'"type": "{type_}"' in page, type_
    for code in vars(vocabulary.CloseCode).values():
        assert not isinstance(code, int) or f"| {code} |" in page
