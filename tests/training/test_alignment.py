"""When what was said: the best path through the letters, the lexicon, and timings on disk."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from s2t2_live.training.alignment import forced_alignment, known_from, learn_lexicon
from s2t2_live.training.ctc import ALPHABET, encode_characters
from s2t2_live.training.lexicon import Lexicon
from s2t2_live.training.shards import SpeechShards, write_shard
from s2t2_live.training.speech import Example
from s2t2_live.training.timing import MARGIN, Timing, read_timings, text_until, timing_path, write_timings

PAIRS = [
    ("the cat sleeps", "die Katze schläft"),
    ("the dog sleeps", "der Hund schläft"),
    ("the cat eats", "die Katze frisst"),
    ("the dog eats", "der Hund frisst"),
    ("today the cat eats", "heute frisst die Katze"),
    ("today the dog sleeps", "heute schläft der Hund"),
]


def best_by_trying_all(scores: torch.Tensor, target: list[int]) -> float:
    """The best log-probability of any path that spells the target."""
    best = -math.inf
    for path in itertools.product({0, *target}, repeat=len(scores)):
        spelled = [a for a, b in zip(path, (0, *path), strict=False) if a != b and a]
        if spelled == target:
            best = max(best, sum(float(scores[frame, symbol]) for frame, symbol in enumerate(path)))
    return best


@pytest.mark.parametrize("target", [[1], [1, 2], [1, 1], [2, 1, 2], [1, 2, 2]])
def test_the_path_is_the_best_of_all(target: list[int]) -> None:
    torch.manual_seed(len(target))
    scores = torch.randn(3, 7, 4).log_softmax(-1)
    frames = torch.tensor([7, 6, 5])
    targets = [torch.tensor(target), torch.tensor([3, 1]), torch.tensor([3])]
    ends, found = forced_alignment(scores, frames, targets)
    for row, goal in enumerate((target, [3, 1], [3])):
        assert found[row] == pytest.approx(best_by_trying_all(scores[row, : frames[row]], goal), rel=1e-5)
        assert len(ends[row]) == len(goal)
        assert sorted(set(ends[row])) == list(ends[row])
        assert 0 < ends[row][0] <= ends[row][-1] <= frames[row]


def test_ends_are_the_frames_after_the_letters() -> None:
    path = "__hheeel_lo___"
    scores = torch.full((1, len(path), len(ALPHABET)), -9.0)
    for frame, character in enumerate(path):
        scores[0, frame, ALPHABET.index(character)] = 0.0
    ends, found = forced_alignment(scores, torch.tensor([len(path)]), [torch.tensor(encode_characters("hello"))])
    assert ends[0].tolist() == [4, 7, 8, 10, 11]
    assert found == [0.0]


def test_letters_that_do_not_fit_have_no_path() -> None:
    _, found = forced_alignment(torch.zeros(1, 3, 5), torch.tensor([3]), [torch.tensor([1, 2, 3, 4])])
    assert found == [-math.inf]


def test_the_lexicon_finds_who_is_who() -> None:
    lexicon = Lexicon((english.split(), german.split()) for english, german in PAIRS)
    # An article has its gender from the noun, so that is what it comes from.
    assert lexicon.align("today the cat sleeps".split(), "heute schläft die Katze".split()) == [0, 3, 2, 2]
    assert lexicon.align(["the"], ["unbekannt"]) == [None]
    assert lexicon.align([], ["Hund"]) == [None]
    assert lexicon.align(["dog"], []) == []


def example(english: str, german: str, length: int = 16_000) -> Example:
    return Example(english, german, "test", "voice", 0, length)


def even(english: str, length: int = 16_000) -> np.ndarray:
    """As if every letter took as long."""
    count = len(encode_characters(english))
    return (np.arange(1, count + 1) * length // count).astype(np.int32)


def test_a_german_word_is_known_when_all_up_to_it_has_been_said() -> None:
    one = example("Today the cat sleeps.", "Heute schläft die Katze.")
    lexicon = learn_lexicon([example(english.capitalize(), german.capitalize()) for english, german in PAIRS])
    known = known_from(one, even(one.english), lexicon)
    said = dict(zip("Today the cat sleeps".split(), even(one.english)[[4, 8, 12, 19]], strict=True))
    # The verb comes second in German and last in English, so nothing behind "heute" is known before the end.
    assert known.tolist() == [said["Today"], *[said["sleeps"]] * 4]


def test_an_article_waits_for_its_noun() -> None:
    one = example("The dog sleeps.", "Der Hund schläft.")
    lexicon = learn_lexicon([example(english.capitalize(), german.capitalize()) for english, german in PAIRS])
    known = known_from(one, even(one.english), lexicon)
    assert known[0] == known[1] == even(one.english)[6]
    assert known[2] == 16_000


def test_a_number_in_digits_waits_for_all_its_words() -> None:
    pairs = [("It costs two hundred euros.", "Es kostet 200 Euro."), ("It costs one euro.", "Es kostet einen Euro.")]
    pairs += [("Two hundred today.", "Heute 200."), ("Euros today.", "Heute Euro."), ("It costs.", "Es kostet.")]
    examples = [example(*pair) for pair in pairs]
    known = known_from(examples[0], even(examples[0].english), learn_lexicon(examples))
    assert known[2] == even(examples[0].english)[len("it costs two hundred") - 1]


def test_text_until_a_position() -> None:
    timing = Timing(np.arange(1, 17, dtype=np.int32) * 1000, np.array([5000, 5000, 12_000, 12_000], dtype=np.int32))
    whole = ("good morning you", "Guten Morgen, du.")

    def until(position: int) -> tuple[str, str]:
        characters, german = text_until(*whole, timing, position)
        return "".join(ALPHABET[character] for character in characters), german

    assert until(999) == ("", "")
    assert until(4500) == ("good", "")
    assert until(5000 + MARGIN - 1)[1] == ""
    assert until(5000 + MARGIN) == ("good mor", "Guten Morgen")
    assert until(40_000) == ("good morning you", "Guten Morgen , du")


def test_timings_survive_the_disk_and_follow_the_topics(tmp_path: Path) -> None:
    items = [(np.ones(100 + i, np.int16), "a b", "c d", topic, "v") for i, topic in enumerate(("x", "y", "x"))]
    write_shard(tmp_path, "00000", items)
    speech = SpeechShards(tmp_path, topics=("x",))
    assert speech.timings == {}
    timings = [Timing(np.array([i, 2, 3], np.int32), np.array([4, 5], np.int32)) for i in (0, 1)]
    write_timings(timing_path(tmp_path, "00000"), [timings[0], timings[1], None])
    back = read_timings(timing_path(tmp_path, "00000"))
    assert back[2] is None
    assert [back[i].characters.tolist() for i in (0, 1) if back[i] is not None] == [[0, 2, 3], [1, 2, 3]]  # type: ignore[union-attr]
    assert speech.refresh() == 0
    assert list(speech.timings) == [0]
    assert SpeechShards(tmp_path, topics=("y",)).timings[0].characters.tolist() == [1, 2, 3]
