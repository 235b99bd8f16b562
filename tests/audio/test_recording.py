"""Recordings: every format and rate, bad files in one sentence, and the pace of a listener."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from s2t2_live.audio.chunk import SAMPLE_RATE, AudioChunk
from s2t2_live.audio.recording import Pace, Recording
from s2t2_live.errors import RecordingError


def tone(seconds: float, rate: int, frequency: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def written(path: Path, signal: np.ndarray, rate: int, **options: str) -> Path:
    soundfile.write(path, signal, rate, **options)
    return path


def samples(path: Path, pace: Pace = "max") -> np.ndarray:
    chunks = list(Recording(path, pace=pace))
    assert [chunk.start for chunk in chunks] == [0, *(chunk.end for chunk in chunks[:-1])][: len(chunks)]
    return np.concatenate([chunk.samples for chunk in chunks]) if chunks else np.zeros(0, dtype=np.float32)


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".wav", {"subtype": "PCM_16"}),
        (".wav", {"subtype": "FLOAT"}),
        (".flac", {"subtype": "PCM_24"}),
        (".mp3", {}),
        (".ogg", {"subtype": "VORBIS"}),
        (".opus", {"format": "OGG", "subtype": "OPUS"}),
    ],
)
def test_formats(tmp_path: Path, suffix: str, options: dict[str, str]) -> None:
    path = written(tmp_path / f"tone{suffix}", tone(1.5, 48_000), 48_000, **options)
    recording = Recording(path, pace="max")
    assert (recording.name, recording.sample_rate, recording.real_time) == (f"tone{suffix}", 48_000, False)
    assert recording.duration == pytest.approx(1.5, abs=0.06)
    heard = samples(path)
    assert heard.dtype == np.float32
    assert len(heard) == pytest.approx(1.5 * SAMPLE_RATE, abs=0.06 * SAMPLE_RATE)
    spectrum = np.abs(np.fft.rfft(heard[4_000:20_000]))
    assert np.argmax(spectrum) == 440
    assert 2 * spectrum[440] / len(heard[4_000:20_000]) == pytest.approx(0.5, abs=0.01), "no seams between blocks"
    assert heard[4_000:20_000].std() == pytest.approx(0.5 / np.sqrt(2), abs=0.02)


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 96_000])
def test_rates_and_channels_are_brought_to_the_engines(tmp_path: Path, rate: int) -> None:
    left = tone(2.0, rate)
    heard = samples(written(tmp_path / "a.wav", np.stack([left, np.zeros_like(left)], axis=1), rate, subtype="FLOAT"))
    assert len(heard) == pytest.approx(2.0 * SAMPLE_RATE, abs=1)
    expected = 0.5 * tone(2.0, SAMPLE_RATE)
    np.testing.assert_allclose(heard[2_000:30_000], expected[2_000:30_000], atol=2e-3)


def test_eight_bit_eight_kilohertz_stereo(tmp_path: Path) -> None:
    signal = np.stack([tone(1.0, 8_000)] * 2, axis=1)
    heard = samples(written(tmp_path / "old.wav", signal, 8_000, subtype="PCM_U8"))
    assert len(heard) == pytest.approx(SAMPLE_RATE, abs=1)
    assert np.abs(heard[2_000:14_000]).max() == pytest.approx(0.5, abs=0.02)


def test_a_recording_without_samples_gives_none(tmp_path: Path) -> None:
    path = written(tmp_path / "none.wav", np.zeros((0, 1)), 44_100)
    assert Recording(path, pace="max").duration == 0.0
    assert len(samples(path)) == 0


def test_it_can_be_played_twice(tmp_path: Path) -> None:
    recording = Recording(written(tmp_path / "a.wav", tone(0.5, 16_000), 16_000), pace="max")
    first, second = (np.concatenate([chunk.samples for chunk in recording]) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_what_is_not_a_number_does_not_spread(tmp_path: Path) -> None:
    signal = tone(1.0, 44_100)
    signal[[20_000, 20_001]] = np.nan, np.inf
    heard = samples(written(tmp_path / "nan.wav", signal, 44_100, subtype="FLOAT"))
    assert np.isfinite(heard).all()
    np.testing.assert_allclose(heard[9_000:15_000], tone(1.0, SAMPLE_RATE)[9_000:15_000], atol=1e-2)


def bad_file(folder: Path, kind: str) -> Path:
    path = folder / {"text": "text.wav", "video": "film.mp4", "raw": "samples.raw"}.get(kind, "file.wav")
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind in ("text", "video", "raw"):
        path.write_text("This is no audio.\n" * 100)
    elif kind == "rate":
        written(path, tone(1.0, 100), 100)
    return path


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("missing", "does not exist"),
        ("folder", "is a folder"),
        ("empty", "is empty"),
        ("text", "WAV, FLAC, MP3, Ogg Vorbis and Opus"),
        ("video", "ffmpeg -i"),
        ("raw", "not audio"),
        ("rate", "100 Hz"),
    ],
)
def test_bad_files_are_refused_in_one_sentence(tmp_path: Path, kind: str, cause: str) -> None:
    path = bad_file(tmp_path, kind)
    with pytest.raises(RecordingError) as caught:
        Recording(path, pace="max")
    sentence = str(caught.value)
    assert str(path) in sentence
    assert cause in sentence
    assert "\n" not in sentence
    assert sentence.endswith((".", '.flac"'))


def test_a_device_is_no_recording() -> None:
    with pytest.raises(RecordingError, match="not a regular file"):
        Recording(Path("/dev/null"), pace="max")


@pytest.mark.parametrize(("suffix", "at_least"), [(".flac", 1.5), (".wav", 1.9)])
def test_a_file_that_was_cut_off_is_delivered_as_far_as_it_goes(tmp_path: Path, suffix: str, at_least: float) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 3 * 16_000).astype(np.float32)
    path = written(tmp_path / f"whole{suffix}", noise, 16_000)
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    heard: list[np.ndarray] = []
    with pytest.raises(RecordingError, match=r"cut off: it could be read for [12]\.\d s of 3\.0 s") as caught:
        heard.extend(chunk.samples for chunk in Recording(cut, pace="max"))
    assert str(cut) in str(caught.value)
    received = np.concatenate(heard)
    assert len(received) >= at_least * SAMPLE_RATE
    np.testing.assert_allclose(received, noise[: len(received)], atol=1e-4)


def test_a_flac_of_unknown_length_is_read_to_its_end(tmp_path: Path) -> None:
    """An encoder that writes into a pipe leaves the number of samples in the header at zero."""
    noise = np.random.default_rng(0).normal(0, 0.1, 2 * 16_000).astype(np.float32)
    path = written(tmp_path / "piped.flac", noise, 16_000)
    header = bytearray(path.read_bytes())
    header[21] &= 0xF0
    header[22:26] = bytes(4)
    path.write_bytes(header)
    assert Recording(path, pace="max").duration is None
    np.testing.assert_allclose(samples(path), noise, atol=1e-4)


def test_a_wav_of_unknown_length_is_read_to_its_end(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 2 * 16_000).astype(np.float32)
    path = written(tmp_path / "piped.wav", noise, 16_000)
    body = bytearray(path.read_bytes())
    at = body.index(b"data") + 4
    body[4:8] = body[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(body)
    np.testing.assert_allclose(samples(path), noise, atol=1e-4)


def test_real_time_is_an_absolute_schedule(tmp_path: Path) -> None:
    """No chunk comes before it would have been heard, however the earlier ones were delayed."""
    recording = Recording(written(tmp_path / "a.wav", tone(0.6, 16_000), 16_000), pace="realtime")
    assert recording.now() == 0.0
    begin = time.monotonic()
    for chunk in recording:
        assert isinstance(chunk, AudioChunk)
        assert time.monotonic() - begin >= chunk.end / SAMPLE_RATE - 1e-3
        assert recording.now() >= chunk.end / SAMPLE_RATE - 1e-3
    end = recording.now()
    assert recording.now() >= end


def test_both_paces_deliver_the_same_chunks(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", tone(0.5, 44_100), 44_100)
    fast, real = (list(Recording(path, pace=pace)) for pace in ("max", "realtime"))
    assert [chunk.start for chunk in fast] == [chunk.start for chunk in real]
    for one, other in zip(fast, real, strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)


def test_at_most_pace_the_clock_is_what_was_delivered(tmp_path: Path) -> None:
    recording = Recording(written(tmp_path / "a.wav", tone(1.0, 16_000), 16_000), pace="max")
    for chunk in recording:
        assert recording.now() == chunk.end / SAMPLE_RATE


def test_stop_ends_the_wait_for_the_next_chunk(tmp_path: Path) -> None:
    recording = Recording(written(tmp_path / "long.wav", np.zeros(600 * 8_000), 8_000), pace="realtime")
    chunks = iter(recording)
    next(chunks)
    threading.Timer(0.05, recording.stop).start()
    rest = list(chunks)
    assert sum(len(chunk.samples) for chunk in rest) < 60 * SAMPLE_RATE


def test_stop_ends_the_way_to_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour into an MP3 is seconds of decoding."""
    recording = Recording(written(tmp_path / "long.wav", tone(1.0, 8_000), 8_000), pace="max", start=3600.0)
    read = 0

    def blocks(*_: object) -> Iterator[np.ndarray]:
        nonlocal read
        for read in range(1, 1000):
            if read == 3:
                recording.stop()
            yield np.zeros((800, 1), dtype=np.float32)

    monkeypatch.setattr("s2t2_live.audio.recording._blocks", blocks)
    assert list(recording) == []
    assert read == 3


def test_a_long_recording_is_not_read_at_once(tmp_path: Path) -> None:
    """Ten minutes at 48 kHz would be 115 MB as float32."""
    path = written(tmp_path / "long.wav", np.zeros(600 * 48_000, dtype=np.float32), 48_000)
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from s2t2_live.audio.recording import Recording\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "count = sum(len(chunk.samples) for chunk in Recording(Path(sys.argv[1]), pace='max'))\n"
        "print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True, timeout=120
    )
    count, growth = map(int, output.stdout.split())
    assert count == 600 * SAMPLE_RATE
    assert growth < 20_000, "kilobytes"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are text on this system")
def test_a_name_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.flac")
    path.write_bytes(written(tmp_path / "a.flac", tone(0.5, 16_000), 16_000).read_bytes())
    assert len(samples(path)) == 8_000


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("start", [0.35, 1.0])
def test_it_begins_anywhere_and_keeps_its_clock(tmp_path: Path, rate: int, start: float) -> None:
    path = written(tmp_path / "a.wav", tone(2.0, rate), rate, subtype="FLOAT")
    chunks = list(Recording(path, pace="max", start=start))
    assert chunks[0].start == round(start * SAMPLE_RATE)
    assert chunks[-1].end == pytest.approx(2 * SAMPLE_RATE, abs=1)
    heard = np.concatenate([chunk.samples for chunk in chunks])
    # The resampler needs some milliseconds of sound to know what comes.
    np.testing.assert_allclose(
        heard[800:-800], tone(2.0, SAMPLE_RATE)[-len(heard) :][800:-800], atol=2e-3 if rate != SAMPLE_RATE else 1e-6
    )


def test_it_can_begin_after_its_end(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", tone(0.5, 16_000), 16_000)
    assert list(Recording(path, pace="max", start=2.0)) == []
    assert next(iter(Recording(path, pace="max", start=-1.0))).start == 0


def test_a_listener_in_a_hurry_hears_the_same(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", tone(3.0, 16_000), 16_000)
    recording = Recording(path, pace="realtime", start=1.0, speed=20.0)
    begin = time.monotonic()
    for chunk in recording:
        assert 1.0 + (time.monotonic() - begin) * 20.0 >= chunk.end / SAMPLE_RATE - 2e-2
        assert recording.now() >= chunk.end / SAMPLE_RATE - 2e-2
    assert chunk.end == 3 * SAMPLE_RATE


@pytest.mark.parametrize("pace", ["realtime", "max"])
def test_a_pause_loses_nothing(tmp_path: Path, pace: Pace) -> None:
    path = written(tmp_path / "a.wav", tone(0.5, 16_000), 16_000)
    recording = Recording(path, pace=pace)
    heard: list[AudioChunk] = []

    def listen() -> None:
        for chunk in recording:
            heard.append(chunk)
            if len(heard) == 2:
                recording.pause()

    listener = threading.Thread(target=listen)
    listener.start()
    listener.join(1.0)
    assert len(heard) == 2
    recording.resume()
    listener.join(60)
    assert [chunk.start for chunk in heard] == [0, 1_600, 3_200, 4_800, 6_400]
