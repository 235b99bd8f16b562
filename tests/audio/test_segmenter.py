"""The segmenter: every sample once, segments where there is speech, cuts where it is quiet."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from s2t2_live.audio import segmenter as segmenter_module
from s2t2_live.audio.chunk import SAMPLE_RATE, AudioChunk
from s2t2_live.audio.segmenter import (
    SegmentAudio,
    SegmentEnded,
    Segmenter,
    SegmenterSettings,
    SegmentLull,
    SegmentOutput,
    SegmentStarted,
)
from s2t2_live.audio.vad import VoiceDetector, WebRtcDetector
from s2t2_live.errors import SettingsError


class LoudnessDetector:
    """Speech is what is loud: the decisions are known in advance, the segmenter's part can be tested alone."""

    frame = 320

    def is_speech(self, frame: np.ndarray) -> bool:
        return bool(np.abs(frame).max() > 0.1)

    def reset(self) -> None:
        pass


@dataclass(frozen=True)
class Segment:
    samples: np.ndarray
    started: SegmentStarted
    ended: SegmentEnded


def run(
    signal: np.ndarray, detector: VoiceDetector, options: SegmenterSettings, cuts: list[int]
) -> list[SegmentOutput]:
    segmenter = Segmenter(detector, options)
    output: list[SegmentOutput] = []
    position = 0
    for piece in np.split(signal.astype(np.float32), sorted(cuts)):
        output += segmenter.push(AudioChunk(piece, position))
        position += len(piece)
        assert segmenter.position == position
    return output + segmenter.flush()


def segments(output: list[SegmentOutput]) -> list[Segment]:
    """What a consumer makes of the output, with the protocol checked on the way."""
    result: list[Segment] = []
    started: SegmentStarted | None = None
    pieces: list[np.ndarray] = []
    end = 0
    for item in output:
        if isinstance(item, SegmentStarted):
            assert started is None
            assert item.segment == len(result) + 1
            started, pieces, end = item, [], item.start
        elif isinstance(item, SegmentAudio):
            assert started is not None
            assert item.segment == started.segment
            assert item.chunk.start == end
            assert item.settled <= item.chunk.end
            pieces.append(item.chunk.samples)
            end = item.chunk.end
        elif isinstance(item, SegmentLull):
            assert started is not None
            assert item.segment == started.segment
            assert end <= item.heard
        else:
            assert started is not None
            assert (item.segment, item.start) == (started.segment, started.start)
            assert item.start < item.speech_end <= item.end <= item.heard
            assert item.end <= end
            samples = np.concatenate(pieces)[: item.end - item.start]
            assert len(samples) == item.end - item.start
            result.append(Segment(samples, started, item))
            started = None
    assert started is None
    return result


def sound(parts: list[tuple[bool, float]]) -> np.ndarray:
    """Loud and quiet noise by turns, (loud, seconds)."""
    generator = np.random.default_rng(0)
    pieces = [
        generator.uniform(0.2, 0.9, round(seconds * SAMPLE_RATE)) * (1.0 if loud else 0.01) for loud, seconds in parts
    ]
    return np.concatenate([np.zeros(0), *pieces]).astype(np.float32)


def longest_run(flags: np.ndarray) -> int:
    """Length of the longest stretch of True."""
    changes = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return max((changes[1::2] - changes[::2]).tolist(), default=0)


small = SegmenterSettings(limit=3.0, shrink_after=1.0, cut_window=1.0)


@settings(deadline=None)
@given(
    parts=st.lists(st.tuples(st.booleans(), st.floats(0.005, 2.0)), max_size=12),
    cuts=st.lists(st.integers(0, 100_000), max_size=20),
    options=st.sampled_from([SegmenterSettings(), small]),
)
def test_every_sample_is_in_one_segment_or_in_silence(
    parts: list[tuple[bool, float]], cuts: list[int], options: SegmenterSettings
) -> None:
    signal = sound(parts)
    cuts = [cut for cut in cuts if cut <= len(signal)]
    found = segments(run(signal, LoudnessDetector(), options, cuts))
    position = 0
    for segment in found:
        assert segment.ended.start >= position, "segments do not overlap"
        np.testing.assert_array_equal(segment.samples, signal[segment.ended.start : segment.ended.end])
        assert segment.ended.end - segment.ended.start <= options.limit * SAMPLE_RATE
        position = segment.ended.end
    assert position <= len(signal)

    # Silence holds no more speech than it takes to start a segment.
    missed = np.abs(signal) > 0.1
    for segment in found:
        missed[segment.ended.start : segment.ended.end] = False
    assert longest_run(missed) < 2 * options.min_speech * SAMPLE_RATE

    # The cutting into chunks changes nothing.
    whole = segments(run(signal, LoudnessDetector(), options, []))
    assert [segment.ended for segment in whole] == [segment.ended for segment in found]


def test_a_sentence_is_a_segment() -> None:
    signal = sound([(False, 1.0), (True, 2.0), (False, 0.6), (True, 1.5), (False, 1.0)])
    first, second = segments(run(signal, LoudnessDetector(), SegmenterSettings(), []))
    assert first.ended.reason == second.ended.reason == "pause"
    assert first.ended.start / SAMPLE_RATE == pytest.approx(0.8, abs=0.02), "one second less the pre-roll"
    assert first.ended.speech_end / SAMPLE_RATE == pytest.approx(3.0, abs=0.02)
    assert first.ended.end / SAMPLE_RATE == pytest.approx(3.2, abs=0.02), "with the hangover"
    assert first.ended.heard / SAMPLE_RATE == pytest.approx(3.4, abs=0.02), "as soon as the pause is long enough"
    assert second.ended.start / SAMPLE_RATE == pytest.approx(3.4, abs=0.02)


def test_the_end_of_the_stream_ends_the_segment() -> None:
    (segment,) = segments(run(sound([(True, 1.003)]), LoudnessDetector(), SegmenterSettings(), []))
    assert segment.ended.reason == "stop"
    assert segment.ended.end == round(1.003 * SAMPLE_RATE), "to the last sample"


def test_a_click_starts_nothing() -> None:
    signal = sound([(False, 1.0), (True, 0.1), (False, 1.0), (True, 0.08), (False, 1.0)])
    assert segments(run(signal, LoudnessDetector(), SegmenterSettings(), [])) == []


def test_the_pause_that_ends_a_segment_shrinks_as_it_grows() -> None:
    options = SegmenterSettings(pause=0.5, min_pause=0.1, shrink_after=2.0, limit=10.0)
    short = sound([(True, 1.0), (False, 0.3), (True, 0.5), (False, 2.0)])
    long = sound([(True, 8.0), (False, 0.3), (True, 0.5), (False, 2.0)])
    assert len(segments(run(short, LoudnessDetector(), options, []))) == 1
    assert len(segments(run(long, LoudnessDetector(), options, []))) == 2


def test_the_limit_cuts_at_the_quietest_point() -> None:
    signal = sound([(True, 30.0)])
    dip = round(9.1 * SAMPLE_RATE), round(9.25 * SAMPLE_RATE)
    signal[slice(*dip)] *= 0.3
    options = SegmenterSettings()
    first, *rest = segments(run(signal, LoudnessDetector(), options, []))
    assert first.ended.reason == "limit"
    assert dip[0] <= first.ended.end <= dip[1]
    assert rest[0].ended.start == first.ended.end, "no sample is lost or doubled at the seam"
    assert sum(len(segment.samples) for segment in (first, *rest)) == len(signal)


def test_audio_that_may_be_cut_off_is_not_settled() -> None:
    signal = sound([(True, 12.0)])
    options = SegmenterSettings()
    output = run(signal, LoudnessDetector(), options, list(range(1_600, len(signal), 1_600)))
    settled = max(item.settled for item in output if isinstance(item, SegmentAudio) and item.segment == 1)
    assert settled == (options.limit - options.cut_window) * SAMPLE_RATE


def test_in_a_pause_the_audio_waits() -> None:
    """So that the audio delivered is the audio of the segment, whether speech goes on or not."""
    signal = sound([(True, 1.0), (False, 0.28)])
    segmenter = Segmenter(LoudnessDetector(), SegmenterSettings())
    output = segmenter.push(AudioChunk(signal, 0))
    delivered = [item.chunk.end for item in output if isinstance(item, SegmentAudio)]
    assert delivered == [round(1.2 * SAMPLE_RATE)]


@pytest.mark.parametrize("hangover", [0.1, 0.2, 0.3])
def test_a_lull_is_told_of_when_all_is_there_that_the_segment_would_have(hangover: float) -> None:
    """Twice, because speech goes on after the first one; the pause in a word is none."""
    signal = sound([(False, 0.5), (True, 0.5), (False, 0.1), (True, 0.5), (False, 0.34), (True, 0.5), (False, 1.0)])
    output = run(signal, LoudnessDetector(), SegmenterSettings(hangover=hangover), [round(1.75 * SAMPLE_RATE)])
    (segment,) = segments(output)
    first, second = [place for place, item in enumerate(output) if isinstance(item, SegmentLull)]
    lulls = [output[first], output[second]]
    assert [lull.heard / SAMPLE_RATE for lull in lulls] == pytest.approx(
        [1.6 + max(0.2, hangover), 2.44 + max(0.2, hangover)]
    )
    assert all(lull.settled for lull in lulls)
    before = [item.chunk.end for item in output[:first] if isinstance(item, SegmentAudio)]
    assert before[-1] / SAMPLE_RATE == pytest.approx(1.6 + hangover)
    assert not any(isinstance(item, SegmentAudio) for item in output[second:])
    assert segment.ended.end / SAMPLE_RATE == pytest.approx(2.44 + hangover)


def test_a_lull_near_the_limit_is_not_settled() -> None:
    output = run(sound([(True, 2.1), (False, 0.5)]), LoudnessDetector(), small, [])
    assert [item.settled for item in output if isinstance(item, SegmentLull)] == [False]


def test_a_gap_ends_the_segment_and_moves_the_clock() -> None:
    segmenter = Segmenter(LoudnessDetector(), SegmenterSettings())
    signal = sound([(True, 1.0)])
    output = segmenter.push(AudioChunk(signal, 0))
    output += segmenter.skip(80_000)
    output += segmenter.push(AudioChunk(signal, 80_000))
    output += segmenter.flush()
    first, second = segments(output)
    assert (first.ended.end, first.ended.reason) == (16_000, "stop")
    assert (second.ended.start, second.ended.end) == (80_000, 96_000)


def missed_behind_holes(recordings: Iterable[Path]) -> list[float]:
    """Seconds of speech that are not heard in the second behind each of many holes of 40 ms."""
    hole, before, after = 640, 2 * SAMPLE_RATE, SAMPLE_RATE
    missed = []
    for path in recordings:
        signal, _ = soundfile.read(path, dtype="float32")
        speech = np.zeros(len(signal), dtype=bool)
        for segment in segments(run(signal, WebRtcDetector(), SegmenterSettings(), [])):
            speech[segment.ended.start : segment.ended.end] = True
        for at in range(before, len(signal) - after - hole, SAMPLE_RATE):
            if not speech[at - SAMPLE_RATE : at + hole].all():
                continue
            segmenter = Segmenter(WebRtcDetector(), SegmenterSettings())
            segmenter.skip(at - before)
            output = segmenter.push(AudioChunk(signal[at - before : at], at - before))
            output += segmenter.skip(at + hole)
            output += segmenter.push(AudioChunk(signal[at + hole : at + hole + after], at + hole))
            found = [item for item in output + segmenter.flush() if isinstance(item, SegmentEnded)]
            heard = np.zeros(len(signal), dtype=bool)
            for item in found:
                heard[item.start : item.end] = True
            rest = slice(at + hole, at + hole + after)
            missed.append((speech[rest] & ~heard[rest]).sum() / SAMPLE_RATE)
    return missed


def test_behind_a_short_hole_more_speech_is_found_than_by_a_detector_that_begins_anew(
    recordings: dict[Path, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that was too busy for two blocks has lost those, and not the rest of the word."""
    missed = missed_behind_holes(recordings)
    monkeypatch.setattr(segmenter_module, "FORGET", 0.0)
    anew = missed_behind_holes(recordings)
    assert len(missed) > 20
    assert np.mean(missed) < 0.7 * np.mean(anew)
    assert np.median(missed) == 0.0


def test_behind_a_long_hole_the_detector_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    resets: list[bool] = []
    detector = LoudnessDetector()
    monkeypatch.setattr(detector, "reset", lambda: resets.append(True))
    segmenter = Segmenter(detector, SegmenterSettings())
    segmenter.push(AudioChunk(np.zeros(1_000, dtype=np.float32), 0))
    segmenter.skip(1_000)
    segmenter.skip(1_000 + SAMPLE_RATE // 2)
    assert resets == []
    segmenter.skip(3 * SAMPLE_RATE)
    assert resets == [True]


def test_a_hole_in_the_stream_is_a_mistake() -> None:
    segmenter = Segmenter(LoudnessDetector(), SegmenterSettings())
    with pytest.raises(ValueError, match="stream is at 0"):
        segmenter.push(AudioChunk(np.zeros(100, dtype=np.float32), 5))


def test_ten_minutes_without_a_pause(shared_audio: Path) -> None:
    """Real speech, repeated without its pauses, with the real detector: nothing lost, nothing longer than the limit."""
    signal, _ = soundfile.read(shared_audio / "read_speech_1.wav", dtype="float32")
    options = SegmenterSettings()
    loop = np.tile(signal[4_000:40_000], 267)
    found = segments(run(loop, WebRtcDetector(), options, []))
    lengths = [len(segment.samples) / SAMPLE_RATE for segment in found]
    assert max(lengths) <= options.limit
    assert sum(lengths) > 0.97 * len(loop) / SAMPLE_RATE


@pytest.mark.parametrize("noise", ["white", "tone", "silence"])
def test_ten_minutes_of_nothing_then_speech(shared_audio: Path, noise: str) -> None:
    speech, _ = soundfile.read(shared_audio / "vad_labelled.wav", dtype="float32")
    time = np.arange(5 * 60 * SAMPLE_RATE) / SAMPLE_RATE
    nothing = {
        "white": np.random.default_rng(0).normal(0, 0.002, len(time)),
        "tone": 0.01 * np.sin(2 * np.pi * 1_000 * time),
        "silence": np.zeros(len(time)),
    }[noise]
    segmenter = Segmenter(WebRtcDetector(), SegmenterSettings())
    position = 0
    output: list[SegmentOutput] = []
    for piece in (*[nothing.astype(np.float32)] * 2, speech[: 8 * SAMPLE_RATE]):
        output += segmenter.push(AudioChunk(piece, position))
        position += len(piece)
    first, second = segments(output + segmenter.flush())
    begin = 2 * len(nothing) / SAMPLE_RATE
    assert first.ended.start / SAMPLE_RATE - begin == pytest.approx(0.1, abs=0.3)
    assert second.ended.start / SAMPLE_RATE - begin == pytest.approx(3.8, abs=0.3)


def test_a_real_speech_is_cut_into_its_clauses(shared_audio: Path) -> None:
    signal, rate = soundfile.read(shared_audio / "jfk.flac", dtype="float32")
    signal = soxr.resample(signal.mean(axis=1), rate, SAMPLE_RATE)
    found = segments(run(signal, WebRtcDetector(), SegmenterSettings(), []))
    assert 2 <= len(found) <= 5
    assert sum(len(segment.samples) for segment in found) > 0.85 * len(signal)
    assert all(1.0 < len(segment.samples) / SAMPLE_RATE < 10.0 for segment in found)


@pytest.mark.parametrize(
    "values",
    [{"pause": 0.0}, {"min_pause": 0.9}, {"limit": 2.0}, {"shrink_after": 20.0}, {"hangover": float("nan")}],
)
def test_settings_that_do_not_fit_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="segmenter"):
        SegmenterSettings(**values)
