"""Local agreement: what two looks in a row agree on, in whole words, without the end of the sentence."""

import math
from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from s2t2_live.live.hypothesis import Hypothesis
from s2t2_live.live.local_agreement import LocalAgreement
from s2t2_live.live.policy import Decision, PolicySettings

PIECES = ["der", "Zug", "fährt", "Bahn@@", "hof", "zum", ",", ".", "heute", "nicht"]


class ScriptedModel:
    """A model at the seam that says what it was told, one hypothesis for each look.

    A piece with a question mark behind it is uncertain.
    """

    name, device, precision = "scripted", "cpu", "fp32"

    def __init__(self, *answers: str | tuple[str, bool]) -> None:
        self._answers = [answer if isinstance(answer, tuple) else (answer, True) for answer in answers]
        self.prefixes: list[tuple[int, ...]] = []

    def translate(self, samples: np.ndarray, prefix: Sequence[int], *, beam_size: int, max_tokens: int) -> Hypothesis:
        self.prefixes.append(tuple(prefix))
        text, complete = self._answers.pop(0)
        tokens = ids(text.replace("?", ""))
        scores = [math.log(0.3 if piece.endswith("?") else 0.8) for piece in text.split()]
        assert tokens[: len(prefix)] == tuple(prefix), "the script contradicts what is committed"
        return Hypothesis(tokens, complete, (*scores, -0.1) if complete else tuple(scores))

    def text(self, tokens: Sequence[int]) -> str:
        return " ".join(PIECES[token] for token in tokens).replace("@@ ", "")

    def ends_word(self, token: int) -> bool:
        return not PIECES[token].endswith("@@")

    def is_word(self, token: int) -> bool:
        return PIECES[token] not in ".,"


def ids(text: str) -> tuple[int, ...]:
    return tuple(PIECES.index(piece) for piece in text.split())


def looks(
    *answers: str | tuple[str, bool], advance: float = 0.5, settled: bool = True, certainty: float = 0.5
) -> list[tuple[str, str, str]]:
    """Committed and tentative text and the reason after each look."""
    model = ScriptedModel(*answers)
    policy = LocalAgreement(model, PolicySettings(certainty=certainty))
    committed: tuple[int, ...] = ()
    result = []
    for count in range(1, len(answers) + 1):
        samples = np.zeros(round(count * advance * 16_000), dtype=np.float32)
        decision: Decision = policy.look(samples, committed, settled=settled)
        committed += decision.commit
        result.append((model.text(committed), model.text(decision.tentative), decision.reason))
        assert model.prefixes[-1] == committed[: len(committed) - len(decision.commit)]
    return result


def test_two_looks_that_agree() -> None:
    assert looks("der Zug", "der Zug fährt", "der Zug fährt nicht") == [
        ("", "der Zug", "first look"),
        ("der Zug", "fährt", "agreed"),
        ("der Zug fährt", "nicht", "agreed"),
    ]


def test_what_changes_stays_tentative() -> None:
    assert looks("der Zug fährt", "der Bahn@@ hof fährt", "der Bahn@@ hof heute")[1:] == [
        ("der", "Bahnhof fährt", "agreed"),
        ("der Bahnhof", "heute", "agreed"),
    ]


def test_no_agreement() -> None:
    assert looks("der Zug", "heute", "der Zug")[1:] == [
        ("", "heute", "no agreement"),
        ("", "der Zug", "no agreement"),
    ]


def test_the_end_of_the_sentence_is_never_committed() -> None:
    assert looks("der Zug .", "der Zug .", "der Zug .")[-1] == ("der Zug", ".", "no agreement")


def test_punctuation_is_committed_with_the_word_that_follows() -> None:
    said = looks("der Zug , heute .", "der Zug , heute .", "der Zug , heute .")
    assert said[1] == ("der Zug , heute", ".", "agreed")
    assert looks("der Zug ,", "der Zug ,")[1] == ("der Zug", ",", "agreed")


def test_half_a_word_is_not_committed() -> None:
    assert looks("der Bahn@@ hof", "der Bahn@@ zum")[1][0] == "der"


def test_a_capped_hypothesis_is_not_complete() -> None:
    """Its last word may go on."""
    assert looks(("der Zug Bahn@@", False), ("der Zug Bahn@@", False))[-1] == ("der Zug", "", "agreed")


def test_a_guess_is_neither_committed_nor_shown() -> None:
    guess = "der Zug? fährt heute ."
    assert looks(guess, guess, "der Zug fährt? heute .") == [
        ("", "der", "first look"),
        ("der", "", "agreed"),
        ("der Zug", "", "agreed"),
    ]
    assert looks("der? Zug", "der? Zug")[1] == ("", "", "too uncertain")


def test_half_a_word_is_not_shown() -> None:
    assert looks("der Bahn@@ hof? zum", "der Bahn@@ hof? zum")[1] == ("der", "", "agreed")


def test_every_guess_can_be_shown() -> None:
    guess = "der Zug? fährt? heute? ."
    assert looks(guess, guess, certainty=0.0)[1] == ("der Zug fährt heute", ".", "agreed")


def test_agreement_without_new_audio_means_nothing() -> None:
    assert looks("der Zug", "der Zug", advance=0.2)[1] == ("", "der Zug", "too little new audio")


def test_of_looks_that_come_faster_all_must_agree_over_that_time() -> None:
    longer = "der Zug fährt"
    said = looks("der Zug", "der Zug", "der Zug", longer, longer, longer, advance=0.2)
    assert [(committed, reason) for committed, _, reason in said] == [
        ("", "first look"),
        ("", "too little new audio"),
        ("der Zug", "agreed"),
        ("der Zug", "no agreement"),
        ("der Zug", "no agreement"),
        ("der Zug fährt", "agreed"),
    ]
    said = looks("der Zug", "der heute", "der Zug", "der Zug", "der Zug", advance=0.2)
    assert [committed for committed, _, _ in said] == ["", "", "der", "der", "der Zug"]


def test_audio_that_may_be_cut_off_commits_nothing() -> None:
    assert looks("der Zug", "der Zug", settled=False)[1] == ("", "der Zug", "may be cut off")


def test_loops_are_collapsed() -> None:
    loop = "der " + "Zug fährt " * 8
    assert looks(loop, loop)[1][0] == "der Zug fährt"


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, len(PIECES) - 1), max_size=12), st.booleans(), st.booleans()), max_size=12
    )
)
def test_committed_grows_by_whole_words_whatever_the_model_says(
    script: list[tuple[list[int], bool, bool]],
) -> None:
    model = ScriptedModel()
    policy = LocalAgreement(model, PolicySettings())
    committed: tuple[int, ...] = ()
    for count, (tokens, complete, settled) in enumerate(script, start=1):
        said = (*committed, *tokens)
        model._answers = [(" ".join(PIECES[token] for token in said), complete)]
        samples = np.zeros(count * 8_000, dtype=np.float32)
        decision = policy.look(samples, committed, settled=settled)
        if decision.commit:
            assert model.ends_word(decision.commit[-1])
            assert model.is_word(decision.commit[-1])
            assert decision.reason == "agreed"
            assert settled
        committed += decision.commit
        assert (*committed, *decision.tentative)[: len(committed)] == committed
