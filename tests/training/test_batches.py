"""Shards on disk and the batches made of them."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from s2t2_live.errors import S2T2Error
from s2t2_live.speech2text2.tokenizer import Speech2Text2Tokenizer
from s2t2_live.training.batches import IGNORED, Batch, BatchSettings, evaluation_batches, training_batches
from s2t2_live.training.bpe import save_vocabulary, separate_punctuation
from s2t2_live.training.ctc import ALPHABET, encode_characters
from s2t2_live.training.shards import SpeechShards, write_shard
from s2t2_live.training.targets import TextEncoder
from s2t2_live.training.timing import Timing, timing_path, write_timings

PHRASES = [("Good morning.", "Guten Morgen."), ("Where is she?", "Wo ist sie?"), ("Thank you.", "Danke.")]
UNCHANGED = BatchSettings(seconds=4.0, joined=0.0, speed=0.0, silence=0.0, wordless=0.0)


@pytest.fixture
def speech(tmp_path: Path) -> SpeechShards:
    rng = np.random.default_rng(0)
    items = []
    for index in range(30):
        samples = rng.integers(1_000, 20_000, 6_000 + 500 * index).astype(np.int16)
        items.append((samples, *PHRASES[index % 3], "test", f"voice {index % 2}"))
    write_shard(tmp_path / "speech", "00000", items)
    return SpeechShards(tmp_path / "speech")


@pytest.fixture
def text(tmp_path: Path) -> TextEncoder:
    save_vocabulary(tmp_path, [german for _, german in PHRASES], merges=20)
    return TextEncoder(Speech2Text2Tokenizer(str(tmp_path / "vocab.json"), merges_file=str(tmp_path / "merges.txt")))


def rows(batches: list[Batch], text: TextEncoder) -> list[tuple[int, str, str]]:
    """(samples, english letters, german) of every utterance."""
    result = []
    for batch in batches:
        letters = iter(batch.characters.tolist())
        for length, label, count in zip(batch.lengths, batch.labels, batch.character_lengths, strict=True):
            english = "".join(ALPHABET[next(letters)] for _ in range(count))
            result.append((int(length), english, text.decode(label[label != IGNORED].tolist())))
    return result


def test_samples_survive_the_disk(speech: SpeechShards) -> None:
    assert len(speech) == 30
    assert speech.audio(3).dtype == np.float32
    assert len(speech.audio(3)) == 7_500
    assert 0 < speech.audio(3).min() < speech.audio(3).max() < 1


def test_an_interrupted_shard_does_not_exist(speech: SpeechShards, tmp_path: Path) -> None:
    (tmp_path / "speech" / "00001.pcm").write_bytes(b"\0" * 99)
    assert speech.refresh() == 0
    write_shard(tmp_path / "speech", "00001", [(np.ones(10, np.int16), "a", "b", "t", "v")])
    assert speech.refresh() == 1
    assert speech.examples[30].german == "b"


def test_an_empty_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(S2T2Error, match="synthesize"):
        SpeechShards(tmp_path)


def test_an_empty_shard_is_a_clear_error(speech: SpeechShards, tmp_path: Path) -> None:
    write_shard(tmp_path / "speech", "00001", [])
    with pytest.raises(S2T2Error, match=r"00001\.jsonl is a shard without speech; remove it"):
        speech.refresh()


def test_a_shard_that_cannot_be_spoken_anew_does_not_exist(speech: SpeechShards, tmp_path: Path) -> None:
    def broken() -> Iterator[tuple[np.ndarray, str, str, str, str]]:
        yield np.ones(10, np.int16), "a", "b", "t", "v"
        raise S2T2Error("no more")

    with pytest.raises(S2T2Error, match="no more"):
        write_shard(tmp_path / "speech", "00000", broken())
    with pytest.raises(S2T2Error, match="holds no speech"):
        SpeechShards(tmp_path / "speech")


def test_every_utterance_comes_once_an_epoch(speech: SpeechShards, text: TextEncoder) -> None:
    batches = list(training_batches(speech, text, UNCHANGED, seed=1, epoch=0))
    got = rows(batches, text)
    assert sorted(length for length, _, _ in got) == sorted(example.length for example in speech.examples)
    assert {(english, german) for _, english, german in got} == {
        ("good morning", "Guten Morgen."),
        ("where is she", "Wo ist sie?"),
        ("thank you", "Danke."),
    }
    for batch in batches:
        assert batch.audio.numel() <= 4 * 16_000


def test_an_epoch_can_be_resumed(speech: SpeechShards, text: TextEncoder) -> None:
    settings = BatchSettings(seconds=4.0)
    whole = list(training_batches(speech, text, settings, seed=1, epoch=2))
    rest = list(training_batches(speech, text, settings, seed=1, epoch=2, skip=3))
    assert len(rest) == len(whole) - 3
    assert torch.equal(rest[0].audio, whole[3].audio)
    assert torch.equal(rest[0].labels, whole[3].labels)
    other = list(training_batches(speech, text, settings, seed=1, epoch=3))
    assert rows(other, text) != rows(whole, text)


def test_joined_sentences_are_of_one_voice_and_keep_their_texts(speech: SpeechShards, text: TextEncoder) -> None:
    settings = BatchSettings(seconds=20.0, joined=1.0, speed=0.0, silence=0.0, longest=5.0, wordless=0.0)
    got = rows(list(training_batches(speech, text, settings, seed=1, epoch=0)), text)
    assert len(got) < 20
    assert max(length for length, _, _ in got) < 5.0 * 16_000 + 3 * 0.6 * 16_000
    words = sum(len(german.split()) for _, _, german in got)
    assert words == sum(len(example.german.split()) for example in speech.examples)


def test_evaluation_hears_every_utterance_unchanged(speech: SpeechShards, text: TextEncoder) -> None:
    seen: list[int] = []
    for batch, indices in evaluation_batches(speech, text, seconds=4.0):
        for row, length, index in zip(batch.audio, batch.lengths, indices, strict=True):
            assert np.array_equal(row[3_200 : int(length) - 3_200].numpy(), speech.audio(index))
        seen += indices
    assert sorted(seen) == list(range(30))


def align_evenly(speech: SpeechShards, folder: Path) -> None:
    """As if every letter took as long, and the German words came as fast as the English."""
    timings = []
    for example in speech.examples:
        letters = len(encode_characters(example.english))
        words = len(separate_punctuation(example.german).split())
        ends = [np.linspace(example.length / n, example.length, n).astype(np.int32) for n in (letters, words)]
        timings.append(Timing(*ends))
    write_timings(timing_path(folder, "00000"), timings)


def test_a_share_of_the_aligned_utterances_is_cut_off_with_its_target(
    speech: SpeechShards, text: TextEncoder, tmp_path: Path
) -> None:
    align_evenly(speech, tmp_path / "speech")
    speech.refresh()
    whole = {example.length for example in speech.examples}
    cut, complete = [], []
    for epoch in range(10):
        settings = replace(UNCHANGED, prefixes=0.2)
        for row in rows(list(training_batches(speech, text, settings, seed=1, epoch=epoch)), text):
            (complete if row[0] in whole else cut).append(row)
    assert len(cut) == 60
    assert len(complete) == 240
    assert all(german.endswith((".", "?")) for _, _, german in complete)
    assert not any(german.endswith((".", "?", ",")) for _, _, german in cut)
    assert {german for _, _, german in cut} == {"", "Guten", "Wo", "Wo ist", "Danke", "Guten Morgen", "Wo ist sie"} & {
        german for _, _, german in cut
    }
    for samples, english, _ in cut:
        example = next(e for e in speech.examples if e.english.lower().startswith(english) and e.length > samples)
        assert len(english) <= len(encode_characters(example.english)) * samples / min(whole)


def test_without_alignment_nothing_is_cut_off(speech: SpeechShards, text: TextEncoder) -> None:
    plain = list(training_batches(speech, text, UNCHANGED, seed=1, epoch=0))
    asked = list(training_batches(speech, text, replace(UNCHANGED, prefixes=0.5), seed=1, epoch=0))
    assert rows(asked, text) == rows(plain, text)


def test_at_most_half_of_the_aligned_is_cut_off(speech: SpeechShards, text: TextEncoder, tmp_path: Path) -> None:
    align_evenly(speech, tmp_path / "speech")
    speech.refresh()
    whole = {example.length for example in speech.examples}
    got = rows(list(training_batches(speech, text, replace(UNCHANGED, prefixes=1.0), seed=1, epoch=0)), text)
    assert sum(samples not in whole for samples, _, _ in got) == 15


def test_a_joined_utterance_is_cut_off_in_one_sentence_and_keeps_those_before(
    speech: SpeechShards, text: TextEncoder, tmp_path: Path
) -> None:
    align_evenly(speech, tmp_path / "speech")
    speech.refresh()
    settings = replace(UNCHANGED, seconds=40.0, joined=1.0, longest=9.0, prefixes=0.5)
    batches = [batch for epoch in range(5) for batch in training_batches(speech, text, settings, seed=1, epoch=epoch)]
    got = [german for _, _, german in rows(batches, text)]
    sentences = {german for _, german in PHRASES}
    ends = [re.split(r"(?<=[.?])\s*", german)[-1] for german in got]
    assert any(end == "" for end in ends)
    beginnings = [end for end in ends if end]
    assert beginnings
    assert all(any(sentence.startswith(end) for sentence in sentences) for end in beginnings)
    assert any(german.count(".") + german.count("?") and end for german, end in zip(got, ends, strict=True))


def test_some_utterances_have_no_words_and_no_target(speech: SpeechShards, text: TextEncoder) -> None:
    settings = replace(UNCHANGED, wordless=0.2)
    batches = list(training_batches(speech, text, settings, seed=1, epoch=0))
    got = rows(batches, text)
    assert len(got) == 36
    assert sum(english == german == "" for _, english, german in got) == 6
    assert all(torch.isfinite(batch.audio).all() and batch.audio.abs().max() <= 1 for batch in batches)
    # The sentence ends at once: that is what is learned.
    ends = [label[label != IGNORED].tolist() for batch in batches for label in batch.labels]
    assert [text.encode("")] * 6 == [end for end in ends if len(end) == 1]
    again = list(training_batches(speech, text, settings, seed=1, epoch=0))
    assert all(torch.equal(one.audio, other.audio) for one, other in zip(batches, again, strict=True))
