"""Cuts a stream of audio into speech segments and silence. Knows no model and no clock but the sample count."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, fields
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE, AudioChunk
from s2t2_live.audio.vad import VoiceDetector, level
from s2t2_live.errors import SettingsError
from s2t2_live.live.events import EndReason

LULL = 0.2
"""Seconds of silence, if `SegmenterSettings.hangover` is not longer, after which a sentence may be over."""
FORGET = 1.0
"""Seconds of lost audio after which the detector begins anew. Behind a shorter hole are the same room and voice, and a
detector that has to find that out again misses the rest of the word."""


@dataclass(frozen=True, slots=True)
class SegmenterSettings:
    """All in seconds. Raises SettingsError for values that do not fit together."""

    pre_roll: float = 0.2
    """Audio kept before the first frame of speech."""
    hangover: float = 0.2
    """Audio kept after the last frame of speech."""
    min_speech: float = 0.16
    """Speech, within twice that time, that it takes to start a segment."""
    pause: float = 0.4
    """Silence that ends a short segment."""
    min_pause: float = 0.2
    """Silence that ends a segment close to `limit`; in between the threshold shrinks in proportion."""
    shrink_after: float = 4.0
    """Length of a segment from which on the threshold shrinks."""
    limit: float = 10.0
    """Length at which a segment is cut at the quietest point of its last `cut_window` seconds."""
    cut_window: float = 2.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not value > 0:
                raise SettingsError(f"segmenter.{item.name} is {value}; it must be a number of seconds above 0.")
        if self.min_pause > self.pause:
            raise SettingsError(
                f"segmenter.min_pause ({self.min_pause}) must not exceed segmenter.pause ({self.pause})."
            )
        if self.shrink_after > self.limit:
            raise SettingsError(
                f"segmenter.shrink_after ({self.shrink_after}) must not exceed segmenter.limit ({self.limit})."
            )
        if self.limit < self.cut_window + self.pre_roll + 2 * self.min_speech:
            raise SettingsError(
                f"segmenter.limit ({self.limit}) must exceed the sum of cut_window, pre_roll and twice min_speech."
            )


@dataclass(frozen=True, slots=True)
class SegmentStarted:
    segment: int
    """Counted from 1."""
    start: int
    """In samples on the source's clock, as everywhere in this module."""


@dataclass(frozen=True, slots=True, eq=False)
class SegmentAudio:
    """More audio of the segment that is open, without holes or overlaps."""

    segment: int
    chunk: AudioChunk
    settled: int
    """Up to here the audio belongs to this segment for sure; what comes after may be cut off at the limit."""


@dataclass(frozen=True, slots=True)
class SegmentLull:
    """Nobody has spoken for `LULL`. If the segment ends so, all of its audio has been delivered."""

    segment: int
    settled: bool
    """Whether all of that audio belongs to this segment for sure; else some of it may be cut off at the limit."""
    heard: int
    """How much of the stream it took to know."""


@dataclass(frozen=True, slots=True)
class SegmentEnded:
    """The segment is `[start, end)`; audio of it that was delivered beyond `end` will come again in the next one."""

    segment: int
    start: int
    end: int
    speech_end: int
    """End of the last frame of speech, at most `end`."""
    heard: int
    """How much of the stream it took to know."""
    reason: EndReason


SegmentOutput: TypeAlias = SegmentStarted | SegmentAudio | SegmentLull | SegmentEnded


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    samples: NDArray[np.float32]
    start: int
    speech: bool
    level: float

    @property
    def end(self) -> int:
        return self.start + len(self.samples)


class Segmenter:
    """A detector's decisions, frame by frame, turned into segments.

    The stream is the segments and the silence between them; every sample is in exactly one of the two. The result
    does not depend on how the stream is cut into chunks.
    """

    def __init__(self, detector: VoiceDetector, settings: SegmenterSettings) -> None:
        self._detector = detector
        self._settings = settings
        self._onset_frames = max(1, round(settings.min_speech * SAMPLE_RATE / detector.frame))
        self._partial: NDArray[np.float32] = np.zeros(0, dtype=np.float32)
        self._frames: deque[_Frame] = deque()
        """In silence the recent past, in a segment all of it."""
        self._position = 0
        self._count = 0
        self._open = False
        self._delivered = 0
        self._speech_end = 0

    @property
    def position(self) -> int:
        """End of the audio that was pushed."""
        return self._position + len(self._partial)

    def push(self, chunk: AudioChunk) -> list[SegmentOutput]:
        """Take the next chunk, which must begin at `position`."""
        if chunk.start != self.position:
            raise ValueError(f"the chunk begins at {chunk.start}, but the stream is at {self.position}")
        output: list[SegmentOutput] = []
        samples = np.concatenate([self._partial, chunk.samples])
        size = self._detector.frame
        whole = len(samples) - len(samples) % size
        for offset in range(0, whole, size):
            piece = samples[offset : offset + size]
            frame = _Frame(piece, self._position, self._detector.is_speech(piece), level(piece))
            self._position = frame.end
            self._advance(frame, output)
        self._partial = samples[whole:].copy()
        if self._open:
            self._deliver(self._speech_end + _samples(self._settings.hangover), output)
        return output

    def flush(self) -> list[SegmentOutput]:
        """End the open segment, because the stream stops here."""
        output: list[SegmentOutput] = []
        if len(self._partial):
            # Less than a frame: too little to judge, so it is never the reason to start a segment.
            frame = _Frame(self._partial, self._position, False, level(self._partial))
            self._position = frame.end
            self._partial = self._partial[:0]
            self._frames.append(frame)
        if self._open:
            self._close(self._speech_end + _samples(self._settings.hangover), "stop", output)
        self._frames.clear()
        return output

    def skip(self, position: int) -> list[SegmentOutput]:
        """The stream goes on at `position`, what lies before is lost; ends the open segment."""
        output = self.flush()
        if position - self._position > _samples(FORGET):
            self._detector.reset()
        self._position = position
        return output

    def _advance(self, frame: _Frame, output: list[SegmentOutput]) -> None:
        self._frames.append(frame)
        if frame.speech:
            self._speech_end = frame.end
        if not self._open:
            self._look_for_onset(output)
        elif frame.end - self._speech_end >= self._pause_samples():
            self._close(self._speech_end + _samples(self._settings.hangover), "pause", output)
        elif frame.end - self._frames[0].start >= _samples(self._settings.limit):
            self._cut(output)
        elif frame.start < self._speech_end + _samples(max(LULL, self._settings.hangover)) <= frame.end:
            end = self._speech_end + _samples(self._settings.hangover)
            self._deliver(end, output)
            output.append(SegmentLull(self._count, end <= self._settled_end(), frame.end))

    def _look_for_onset(self, output: list[SegmentOutput]) -> None:
        window = list(self._frames)[-2 * self._onset_frames :]
        if sum(frame.speech for frame in window) >= self._onset_frames:
            onset = next(frame.start for frame in window if frame.speech)
            self._forget_before(onset - _samples(self._settings.pre_roll))
            self._open = True
            self._count += 1
            self._delivered = self._frames[0].start
            output.append(SegmentStarted(self._count, self._delivered))
        else:
            self._forget_before(window[0].start - _samples(self._settings.pre_roll))

    def _pause_samples(self) -> int:
        settings = self._settings
        length = (self._speech_end - self._frames[0].start) / SAMPLE_RATE
        span = max(settings.limit - settings.shrink_after, 1e-9)
        shrunk = min(1.0, max(0.0, (length - settings.shrink_after) / span))
        return _samples(settings.pause - shrunk * (settings.pause - settings.min_pause))

    def _cut(self, output: list[SegmentOutput]) -> None:
        """Cut at the quietest tenth of a second of the window, and look at the rest again as new audio."""
        self._deliver(self._speech_end + _samples(self._settings.hangover), output)
        frames = list(self._frames)
        first = next(i for i, frame in enumerate(frames) if frame.start >= self._settled_end())
        levels = np.array([frame.level for frame in frames[first:]])
        width = max(1, min(len(levels), round(0.1 * SAMPLE_RATE / self._detector.frame)))
        smoothed = np.convolve(levels, np.full(width, 1.0 / width), mode="valid")
        at = frames[first + int(np.argmin(smoothed)) + width // 2].start
        self._speech_end = max(frame.end for frame in frames if frame.speech and frame.end <= at)
        self._close(at, "limit", output)
        rest = list(self._frames)
        self._frames.clear()
        for frame in rest:
            self._advance(frame, output)

    def _close(self, end: int, reason: EndReason, output: list[SegmentOutput]) -> None:
        start = self._frames[0].start
        heard = self._frames[-1].end
        end = min(end, heard)
        self._deliver(end, output)
        output.append(SegmentEnded(self._count, start, end, self._speech_end, heard, reason))
        self._open = False
        self._forget_before(end)

    def _deliver(self, end: int, output: list[SegmentOutput]) -> None:
        """Deliver what has not been delivered of `[…, end)`; in a pause the audio waits until speech goes on."""
        fresh = [frame for frame in self._frames if frame.end > self._delivered and frame.start < end]
        if not fresh:
            return
        samples = np.concatenate([frame.samples for frame in fresh])
        begin = fresh[0].start
        samples = samples[self._delivered - begin : end - begin]
        chunk = AudioChunk(samples, self._delivered)
        self._delivered = chunk.end
        output.append(SegmentAudio(self._count, chunk, min(chunk.end, self._settled_end())))

    def _settled_end(self) -> int:
        return self._frames[0].start + _samples(self._settings.limit - self._settings.cut_window)

    def _forget_before(self, position: int) -> None:
        """Drop the frames before `position` and cut the one that it falls into."""
        while self._frames and self._frames[0].end <= position:
            self._frames.popleft()
        if self._frames and self._frames[0].start < position:
            frame = self._frames.popleft()
            rest = frame.samples[position - frame.start :]
            self._frames.appendleft(_Frame(rest, position, frame.speech, frame.level))


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)
