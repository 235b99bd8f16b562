"""AlignAtt: what was taken from audio well before its end, in whole words, without the end of the sentence."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2t2_live.live.alignatt import AlignAtt
from s2t2_live.live.hypothesis import Hypothesis
from s2t2_live.live.policy import PolicySettings

PIECES = ["der", "Zug", "fährt", "Bahn@@", "hof", "zum", ",", ".", "heute"]
SECONDS = 2.0
"""Of audio in every look."""


class PointingModel:
    """A model at the seam that says what it was told: `Zug:1.5` is taken from second 1.5, and `Zug:1.5?` uncertain."""

    name, device, precision = "pointing", "cpu", "fp32"

    def __init__(self, *answers: str, blind: bool = False) -> None:
        self._answers = list(answers)
        self._blind = blind

    def translate(self, samples: np.ndarray, prefix: Sequence[int], *, beam_size: int, max_tokens: int) -> Hypothesis:
        said = [piece.partition(":") for piece in self._answers.pop(0).split()]
        tokens = tuple(PIECES.index(piece) for piece, _, _ in said)
        assert tokens[: len(prefix)] == tuple(prefix), "the script contradicts what is committed"
        scores = [math.log(0.3 if place.endswith("?") else 0.8) for _, _, place in said]
        attended = () if self._blind else tuple(float(place.rstrip("?")) for _, _, place in said)
        return Hypothesis(tokens, True, (*scores, -0.1), attended)

    def text(self, tokens: Sequence[int]) -> str:
        return " ".join(PIECES[token] for token in tokens).replace("@@ ", "")

    def ends_word(self, token: int) -> bool:
        return not PIECES[token].endswith("@@")

    def is_word(self, token: int) -> bool:
        return PIECES[token] not in ".,"

    def to_cpu(self) -> None:
        raise AssertionError("it is there already")


def looks(*answers: str, settled: bool = True, blind: bool = False, **options: float) -> list[tuple[str, str, str]]:
    """Committed and tentative text and the reason after each look."""
    model = PointingModel(*answers, blind=blind)
    policy = AlignAtt(model, PolicySettings(name="alignatt", **options))  # type: ignore[arg-type]
    committed: tuple[int, ...] = ()
    result = []
    for _ in answers:
        decision = policy.look(np.zeros(round(SECONDS * 16_000), np.float32), committed, settled=settled)
        committed += decision.commit
        result.append((model.text(committed), model.text(decision.tentative), decision.reason))
    return result


@pytest.mark.parametrize(("threshold", "committed"), [(0, 4), (300, 3), (600, 2), (2_000, 0)])
def test_words_taken_from_the_end_of_the_audio_wait(threshold: float, committed: int) -> None:
    words = ["der", "Zug", "fährt", "heute"]
    ((ready, waiting, _),) = looks("der:0.2 Zug:1.3 fährt:1.6 heute:1.9", threshold=threshold)
    assert (ready.split(), waiting.split()) == (words[:committed], words[committed:])


def test_a_word_that_looks_back_after_one_that_does_not_waits_too() -> None:
    assert looks("der:0.2 Zug:1.9 fährt:0.5") == [("der", "Zug fährt", "heard")]


def test_nothing_was_heard_yet() -> None:
    assert looks("der:1.9 Zug:1.9") == [("", "der Zug", "not heard yet")]
    assert looks("") == [("", "", "not heard yet")]


def test_it_goes_on_from_what_is_committed() -> None:
    """Where committed tokens were taken from does not matter any more."""
    assert looks("der:0.2 Zug:1.8", "der:1.9 Zug:0.9 fährt:1.0") == [
        ("der", "Zug", "heard"),
        ("der Zug fährt", "", "heard"),
    ]


def test_a_guess_is_neither_committed_nor_shown() -> None:
    assert looks("der:0.2 Zug:0.4? fährt:0.5") == [("der", "", "heard")]
    assert looks("der:0.2?") == [("", "", "too uncertain")]
    assert looks("der:0.2 Zug:0.4? fährt:0.5", certainty=0.0) == [("der Zug fährt", "", "heard")]


def test_half_a_word_is_not_committed() -> None:
    assert looks("der:0.1 Bahn@@:0.3 hof:1.9") == [("der", "Bahnhof", "heard")]
    assert looks("der:0.1 Bahn@@:0.3 hof:0.4?") == [("der", "", "heard")]


def test_the_end_of_the_sentence_is_never_committed() -> None:
    assert looks("der:0.1 Zug:0.3 .:0.4") == [("der Zug", ".", "heard")]
    assert looks("der:0.1 ,:0.3 Zug:0.4") == [("der , Zug", "", "heard")]


def test_audio_that_may_be_cut_off_commits_nothing() -> None:
    assert looks("der:0.1 Zug:0.3", settled=False) == [("", "der Zug", "may be cut off")]


def test_loops_are_collapsed() -> None:
    loop = "der:0.1 " + "Zug:0.2 fährt:0.3 " * 8
    assert looks(loop)[0][0] == "der Zug fährt"


def test_a_model_that_cannot_tell_where_it_looks_commits_nothing() -> None:
    assert looks("der:0.1 Zug:0.3", blind=True) == [("", "der Zug", "not heard yet")]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(st.sampled_from(PIECES), st.floats(0, SECONDS), st.sampled_from(["", "?"])), max_size=9),
            st.booleans(),
        ),
        max_size=9,
    ),
    st.floats(0, 3_000),
)
def test_committed_grows_by_whole_words_whatever_the_model_says(
    script: list[tuple[list[tuple[str, float, str]], bool]], threshold: float
) -> None:
    model = PointingModel()
    policy = AlignAtt(model, PolicySettings(name="alignatt", threshold=threshold))
    committed: tuple[int, ...] = ()
    for said, settled in script:
        prefix = " ".join(f"{PIECES[token]}:0" for token in committed)
        model._answers = [prefix + " " + " ".join(f"{piece}:{place}{doubt}" for piece, place, doubt in said)]
        decision = policy.look(np.zeros(round(SECONDS * 16_000), np.float32), committed, settled=settled)
        if decision.commit:
            assert model.ends_word(decision.commit[-1])
            assert model.is_word(decision.commit[-1])
            assert decision.reason == "heard"
            assert settled
            assert threshold <= SECONDS * 1_000
        committed += decision.commit
