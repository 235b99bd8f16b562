"""The talk that latency is measured on: long enough, the same each time, and described as the toolkit wants it."""

import json
import random
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.evaluation import talk as module
from s2t2_live.evaluation.talk import make_talk
from s2t2_live.training.phrase_book import Phrase, PhraseBook
from s2t2_live.training.voices import DEBIAN_VOICES, RESERVED_VOICES

needs_all = pytest.mark.skipif(
    not all(shutil.which(voice.engine) for voice in RESERVED_VOICES),
    reason="flite, festival and espeak-ng are not all installed",
)


class NumberBook(PhraseBook):
    """Many short sentences, held out, of two topics."""

    def __init__(self) -> None:
        pass

    def sample(self, rng: random.Random, split: str) -> Phrase:
        assert split == "heldout"
        number, topic = rng.randrange(100, 1000), rng.choice(["time", "hotel"])
        return Phrase(f"Room {number} is for {topic}.", f"Zimmer {number}, {topic}.", topic, "heldout")


@needs_all
def test_a_talk_is_made_once_of_reserved_voices_and_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = make_talk(NumberBook(), tmp_path, seconds=45, topics=["hotel"])
    samples, rate = soundfile.read(talk.audio, dtype="float32")
    assert rate == SAMPLE_RATE
    assert len(samples) >= 45 * rate
    np.testing.assert_array_equal(samples, talk.samples())
    assert {sentence.voice for sentence in talk.sentences} == {str(voice) for voice in RESERVED_VOICES}
    assert all("hotel" in sentence.german for sentence in talk.sentences)
    assert len({sentence.english for sentence in talk.sentences}) == len(talk.sentences)
    for one, other in pairwise(talk.sentences):
        assert 0.45 < other.start - one.start - one.duration < 2.05
    for sentence in talk.sentences:
        begin, end = (round(at * rate) for at in (sentence.start, sentence.start + sentence.duration))
        assert np.abs(samples[begin:end]).max() > 0.5, "where the sentence is said to be, somebody speaks"
        assert np.abs(samples[begin - rate // 3 : begin - rate // 50]).max() < 0.01, "and nobody before it"

    assert talk.references.read_text(encoding="utf-8").splitlines() == [s.german for s in talk.sentences]
    entries = json.loads(talk.definition.read_text(encoding="utf-8"))
    assert [(entry["offset"], entry["duration"]) for entry in entries] == [
        (sentence.start, sentence.duration) for sentence in talk.sentences
    ]

    monkeypatch.setattr(module, "speak", None)
    again = make_talk(NumberBook(), tmp_path, seconds=45, topics=["hotel"])
    assert again == talk, "from the files"


@needs_all
def test_a_rehearsal_is_another_talk_by_voices_of_the_training(tmp_path: Path) -> None:
    talk, rehearsal = (
        make_talk(NumberBook(), tmp_path, seconds=20, topics=["hotel"], rehearsal=rehearsal)
        for rehearsal in (False, True)
    )
    assert rehearsal.audio != talk.audio
    assert not {s.english for s in rehearsal.sentences} & {s.english for s in talk.sentences}
    voices = {sentence.voice for sentence in rehearsal.sentences}
    assert voices <= set(map(str, DEBIAN_VOICES))
    assert not voices & set(map(str, RESERVED_VOICES))
