"""The score, against ITU-T figures and the browser half's."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.core.quality import FAIR_MOS, GOOD_MOS, Sample, mean, mos, word
from calls.core.vocabulary import CandidateType, Quality, Route

VECTORS = json.loads((Path(__file__).parent / "mos.json").read_text())


@pytest.mark.parametrize(("round_trip", "jitter", "lost", "score"), VECTORS)
def test_vectors(round_trip: float, jitter: float, lost: float, score: float) -> None:
    assert mos(round_trip, jitter, lost) == pytest.approx(score, abs=0.001)


def test_a_perfect_line_has_the_score_of_the_standard() -> None:
    # G.107: R of 93.2 is a MOS of 4.41; ours has the codec's delay in it.
    assert mos(0, 0, 0) == pytest.approx(4.4, abs=0.01)


@given(st.floats(0, 60_000), st.floats(0, 60_000), st.floats(0, 1))
def test_is_within_its_bounds_and_no_better_for_more_delay_or_loss(trip: float, jitter: float, lost: float) -> None:
    score = mos(trip, jitter, lost)
    assert 1 <= score <= 4.5
    assert mos(trip + 100, jitter, lost) <= score + 1e-9
    assert mos(trip, jitter, min(1, lost + 0.1)) <= score + 1e-9


@pytest.mark.parametrize(
    ("score", "wanted"),
    [
        (None, None),
        (GOOD_MOS, Quality.GOOD),
        (GOOD_MOS - 0.01, Quality.FAIR),
        (FAIR_MOS, Quality.FAIR),
        (FAIR_MOS - 0.01, Quality.POOR),
    ],
)
def test_words(score: float | None, wanted: Quality | None) -> None:
    assert word(score) is wanted


def test_the_route_is_the_pairs() -> None:
    host, relay = CandidateType.HOST, CandidateType.RELAY
    assert Sample(ago_ms=0).route is None
    assert Sample(ago_ms=0, local=host, remote=host).route is Route.DIRECT
    assert Sample(ago_ms=0, local=relay, remote=host).route is Sample(ago_ms=0, local=host, remote=relay).route


def test_without_sound_there_is_no_opinion() -> None:
    assert Sample(ago_ms=0, round_trip_ms=40).mos is None


def test_what_the_decoder_made_up_counts_as_lost() -> None:
    assert Sample(ago_ms=0, loss=0.0, concealed=0.2).mos == Sample(ago_ms=0, loss=0.2).mos


def test_means_are_of_what_was_measured() -> None:
    assert mean([None, 1.0, 3.0]) == (2.0, 2)
    assert mean([None]) == (None, 0)
