"""From the phrase book to shards of speech, and from a table to recordings."""

import random
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
import soundfile

from s2t2_live.errors import SettingsError, UsageError
from s2t2_live.training import synthesis
from s2t2_live.training.phrase_book import Phrase, PhraseBook
from s2t2_live.training.recordings import read_table, render, split_sentences
from s2t2_live.training.shards import SpeechShards
from s2t2_live.training.voices import RESERVED_VOICES, TRAINING_VOICES

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
needs_all = pytest.mark.skipif(
    not all(shutil.which(engine) for engine in ("flite", "festival", "espeak-ng")),
    reason="flite, festival and espeak-ng are not all installed",
)


class SmallBook(PhraseBook):
    """Ten sentences of the grammar, ten whole ones, and five held out."""

    def __init__(self) -> None:
        pass

    def sample(self, rng: random.Random, split: str) -> Phrase:
        count, kind = (10, "train") if split == "train" else (5, "heldout")
        return Phrase(f"{rng.choice(WORDS[:count])} is {kind}.", f"{kind}.", "grammar", kind)  # type: ignore[arg-type]

    def sentences(self) -> Sequence[Phrase]:
        return [Phrase(f"The {word} is whole.", "ganz.", "sentences", "train") for word in WORDS[:10]]


WORDS = "one two three four five six seven eight nine ten".split()


@needs_all
def test_training_shards_are_made_once_and_never_by_reserved_voices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthesis, "SHARD_SIZE", 24)
    make = synthesis.synthesize_training
    make(SmallBook(), tmp_path, shards=range(1), sentence_share=0.5, workers=1, progress=False)
    speech = SpeechShards(tmp_path)
    assert len(speech) == 24
    assert {example.voice for example in speech.examples} <= {str(voice) for voice in TRAINING_VOICES}
    topics = Counter(example.topic for example in speech.examples)
    assert topics == {"grammar": 12, "sentences": 12}
    whole = Counter(example.english for example in speech.examples if example.topic == "sentences")
    assert sorted(whole.values()) == [1] * 8 + [2] * 2, "each once before one comes again"
    assert not any("heldout" in example.english for example in speech.examples)
    first = [example.english for example in speech.examples if example.topic == "sentences"]
    written = (tmp_path / "00000.pcm").stat().st_mtime_ns
    make(SmallBook(), tmp_path, shards=range(2), workers=1, progress=False)
    assert (tmp_path / "00000.pcm").stat().st_mtime_ns == written
    assert speech.refresh() == 24
    second = [example.english for example in speech.examples[24:] if example.topic == "sentences"]
    counts = Counter(first + second)
    assert sorted(counts.values()) == [2] * 6 + [3] * 4, "the second shard goes on where the first ended"


@needs_all
def test_evaluation_has_every_held_out_phrase_by_every_reserved_voice(tmp_path: Path) -> None:
    make = synthesis.synthesize_evaluation
    make(SmallBook(), tmp_path, phrases=4, workers=1, voices="reserved", known={"two is heldout."})
    for voice in RESERVED_VOICES:
        part = SpeechShards(tmp_path, voice.name)
        assert {example.voice for example in part.examples} == {str(voice)}
        assert len({example.english for example in part.examples}) == 4
        assert all("heldout" in example.english for example in part.examples)
        assert "two is heldout." not in {example.english for example in part.examples}


def test_a_topic_that_the_grammar_never_draws_is_told() -> None:
    assert synthesis.draw(SmallBook(), random.Random(0), "heldout", ["grammar"]).topic == "grammar"
    with pytest.raises(UsageError, match="no held-out phrases of trains"):
        synthesis.draw(SmallBook(), random.Random(0), "heldout", ["trains"])


def test_more_held_out_phrases_than_there_are_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="only 4 held-out phrases, not 6"):
        synthesis.synthesize_evaluation(
            SmallBook(), tmp_path, phrases=6, workers=1, voices="heard", known={"two is heldout."}
        )


def test_sentences_are_split_at_their_ends_only() -> None:
    text = "Where is it? It costs 2.50 euros, mister. Thank you!"
    assert split_sentences(text) == ["Where is it?", "It costs 2.50 euros, mister.", "Thank you!"]
    assert split_sentences("Am 4. Oktober war Freitag. Gut!") == ["Am 4. Oktober war Freitag.", "Gut!"]


@needs_espeak
def test_a_table_becomes_recordings_with_pauses(tmp_path: Path) -> None:
    table = tmp_path / "recordings.tsv"
    table.write_text("file\tvoice\tenglish\tgerman\na.flac\tespeak-ng:en-gb\tGood morning. Thank you.\tx\n")
    seconds = render(table)
    info = soundfile.info(tmp_path / "a.flac")
    assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")
    assert info.frames == round(seconds * 16_000)
    assert 2.5 < seconds < 5.0
    assert read_table(table)[0].voice == "espeak-ng:en-gb"


def test_an_unknown_voice_is_named(tmp_path: Path) -> None:
    table = tmp_path / "recordings.tsv"
    table.write_text("file\tvoice\tenglish\tgerman\na.flac\tflite:nobody\tHello.\tHallo.\n")
    with pytest.raises(SettingsError, match="flite:nobody"):
        render(table)
