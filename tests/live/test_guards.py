"""Guards against decoders that run on or in circles."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2t2_live.live.guards import SHORTEST_BUDGET, collapse_repeats, token_budget


def test_the_budget_grows_with_the_audio() -> None:
    assert token_budget(0.0) == SHORTEST_BUDGET
    assert token_budget(6.0) == SHORTEST_BUDGET + 60


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ("a b c", "a b c"),
        ("very very good", "very very good"),
        ("0 0 0 0 0", "0 0 0 0 0"),
        ("a b b b b b b c", "a b c"),
        ("a b a b", "a b a b"),
        ("a b a b a b", "a b"),
        ("a b a b a b a", "a b"),
        ("a b a b a b c", "a b c"),
        ("x a b c a b c a b c a b c a b", "x a b c"),
        ("", ""),
    ],
)
def test_what_comes_three_times_is_left_once(tokens: str, expected: str) -> None:
    assert " ".join(collapse_repeats(tokens.split())) == expected  # type: ignore[arg-type,type-var]


@pytest.mark.parametrize(("keep", "expected"), [(0, "a b"), (3, "a b a"), (5, "a b a b a"), (7, "a b a b a b a")])
def test_what_is_committed_stays(keep: int, expected: str) -> None:
    assert " ".join(collapse_repeats("a b a b a b a".split(), keep=keep)) == expected  # type: ignore[arg-type,type-var]


@settings(deadline=None)
@given(st.lists(st.integers(0, 2), max_size=40), st.integers(0, 40))
def test_the_result_begins_with_what_is_kept_and_is_never_longer(tokens: list[int], keep: int) -> None:
    keep = min(keep, len(tokens))
    collapsed = collapse_repeats(tokens, keep=keep)
    assert list(collapsed[:keep]) == tokens[:keep]
    assert len(collapsed) <= len(tokens)


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.integers(3, 9), st.integers(0, 7))
def test_a_loop_of_any_phrase_is_found(phrase: list[int], copies: int, cut: int) -> None:
    loop = phrase * copies * 2 + phrase[: min(cut, len(phrase) - 1)]
    assert len(collapse_repeats(loop)) < 3 * len(phrase) + len(phrase)
