"""The bookkeeping of beam search, on scores written by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from s2t2_live.errors import InputError
from s2t2_live.speech2text2.beam_search import BeamSearch, Finished


def search(early_stopping: bool | str = False, batch: int = 1, length_penalty: float = 1.0) -> BeamSearch:
    prompt = torch.zeros(batch, 1, dtype=torch.long)
    options = {"length_penalty": length_penalty, "early_stopping": early_stopping, "eos_ids": [2], "pad_id": 1}
    return BeamSearch(prompt, 2, max_length=6, **options)  # type: ignore[arg-type]


def rows(*values: list[float]) -> torch.Tensor:
    return torch.tensor(values)


def test_an_end_beyond_the_beams_is_dropped() -> None:
    beams = search()
    choice = beams.advance(rows([-1.0, -2, -3, -4]), rows([5, 6, 2, 7]).long(), rows([0, 0, 0, 1]).long())
    assert choice.tokens.tolist() == [5, 6]
    assert beams.finished[0].hypotheses == []


def test_an_end_among_the_best_is_kept_and_replaced() -> None:
    beams = search()
    choice = beams.advance(rows([-1.0, -2, -3, -4]), rows([2, 6, 7, 8]).long(), rows([0, 0, 1, 1]).long())
    assert choice.tokens.tolist() == [6, 7]
    assert choice.origins.tolist() == [0, 1]
    assert beams.finished[0].hypotheses == [(-1.0, [0], [0])]


def test_too_few_continuations_are_refused() -> None:
    with pytest.raises(InputError, match="Only 1 of 4"):
        search().advance(rows([-1.0, -2, -3, -4]), rows([2, 2, 2, 8]).long(), rows([0, 0, 1, 1]).long())


def test_hypotheses_follow_their_origin() -> None:
    beams = search()
    beams.advance(rows([-1.0, -2, -3, -4]), rows([5, 6, 7, 8]).long(), rows([0, 0, 0, 0]).long())
    beams.advance(rows([-2.0, -3, -4, -5]), rows([7, 8, 9, 4]).long(), rows([1, 1, 0, 0]).long())
    assert beams.sequences == [[0, 6, 7], [0, 6, 8]]
    best = beams.close(1)[0][0]
    assert best == (-1.0, [0, 6, 7], [0, 1])


@pytest.mark.parametrize(("early_stopping", "done"), [(True, True), (False, False), ("never", False)])
def test_when_to_stop(early_stopping: bool | str, done: bool) -> None:
    """Two poor hypotheses are finished while the best open one is far better."""
    finished = Finished(2, 1.0, early_stopping, 10)
    finished.add(-8.0, 2, [0], [])
    assert not finished.is_done(-0.1, 2)
    finished.add(-9.0, 2, [0], [])
    assert finished.is_done(-0.1, 2) == done


def test_never_allows_for_the_longest_sequence() -> None:
    """At its present length the open sum is too low; divided by the greatest length it is not."""
    usual, patient = Finished(1, 1.0, False, 10), Finished(1, 1.0, "never", 10)
    for finished in (usual, patient):
        finished.add(-2.0, 1, [0], [])
    assert usual.is_done(-6.0, 2)
    assert not patient.is_done(-6.0, 2)


def test_done_utterances_are_padded() -> None:
    beams = search(early_stopping=True, batch=2)
    totals, origins = rows([-1.0, -2, -3, -4], [-1.0, -2, -3, -4]), rows([0, 1, 0, 1], [0, 1, 0, 1]).long()
    choice = beams.advance(totals, rows([2, 2, 6, 7], [5, 6, 7, 8]).long(), origins)
    assert beams.done == [True, False]
    choice = beams.advance(totals, rows([5, 6, 7, 8], [5, 6, 7, 8]).long(), origins)
    assert choice.tokens.tolist() == [1, 1, 5, 6]
    assert choice.scores.tolist()[:2] == [0.0, 0.0]
    assert [h.score for h in beams.close(2)[0]] == [-1.0, -2.0]


def test_of_equals_the_later_wins() -> None:
    finished = Finished(2, 1.0, False, 5)
    finished.add(-2.0, 1, [1], [])
    finished.add(-2.0, 1, [2], [])
    assert [h.tokens for h in finished.best(2)] == [[2], [1]]
    finished.add(-2.0, 1, [3], [])
    assert [h.tokens for h in finished.best(2)] == [[2], [1]]


@given(st.lists(st.floats(-50, 0), min_size=1, max_size=20), st.integers(1, 5))
def test_the_best_are_kept(totals: list[float], size: int) -> None:
    finished = Finished(size, 1.0, False, 5)
    for i, total in enumerate(totals):
        finished.add(total, 1, [i], [])
    assert [h.score for h in finished.best(size)] == sorted(totals, reverse=True)[:size]
