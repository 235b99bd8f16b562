"""The inference worker: one model, one thread, segments in, captions out. Knows no source and no sink."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.segmenter import SegmentAudio, SegmentEnded, SegmentOutput, SegmentStarted
from s2t2_live.live.events import Error, Event, Final, Gap, Load, Partial
from s2t2_live.live.guards import collapse_repeats, token_budget
from s2t2_live.live.guess import whole_words
from s2t2_live.live.hypothesis import Hypothesis, TranslationModel
from s2t2_live.live.load import Level, LoadLadder, LoadSettings
from s2t2_live.live.policy import Policy, PolicySettings, make_policy

logger = logging.getLogger(__name__)

ATTEMPTS = 2
"""How often a final is tried when the model fails."""
QUEUED = 4
"""Jobs that wait when the source can be held back."""


@dataclass(slots=True, eq=False)
class _Segment:
    """Written by the listening thread under the lock, except for what the worker alone uses."""

    number: int
    start: int
    policy: Policy
    audio: list[NDArray[np.float32]] = field(default_factory=list)
    length: int = 0
    looks: int = 0
    committed: tuple[int, ...] = ()
    """The worker's."""
    complained: bool = False
    """The worker's: whether the model has failed on it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    segment: _Segment
    length: int
    settled: bool
    due: int
    """Where on the source's clock the job could begin."""


@dataclass(frozen=True, slots=True, eq=False)
class _Finish:
    segment: _Segment
    end: SegmentEnded
    due: int


class Translator:
    """Translates the segments of one session.

    The looks at an open segment are due at fixed lengths of its audio, so they do not depend on the speed of the
    machine. A source that can be held back is held back, and every look is taken. A source that cannot be is watched:
    the backlog is how much audio has come since the oldest waiting job was due, and the load ladder says what to leave
    out. Finals are never left out.
    """

    def __init__(
        self,
        model: TranslationModel,
        *,
        policy: PolicySettings,
        beam_size: int,
        load: LoadSettings,
        clock: Callable[[], float] | None,
        publish: Callable[[Event], None],
        finished: Callable[[Exception | None], None],
    ) -> None:
        """`clock` is the listener's, in seconds; None for a source that has none and can be held back.

        `finished` is called once, from the worker's thread, with the error that ended it, if any.
        """
        self._model = model
        self._policy_settings = policy
        self._beam_size = beam_size
        self._clock = clock
        self._publish = publish
        self._finished = finished
        self._ladder = LoadLadder(load)
        self._changed = threading.Condition()
        self._jobs: deque[_Look | _Finish] = deque()
        self._current: _Look | _Finish | None = None
        self._unfinished: deque[_Segment] = deque()
        self._heard = 0
        self._done = 0
        self._hold_back = clock is None
        self._closed = False
        self._aborted = False
        self._thread = threading.Thread(target=self._run, name="translator", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def done(self) -> float:
        """Seconds of audio up to which everything is translated; never falls.

        A segment begins a little before it is found, so its first moments may have been counted as silence.
        """
        with self._changed:
            self._done = max(self._done, self._unfinished[0].start if self._unfinished else self._heard)
            return self._done / SAMPLE_RATE

    @property
    def backlog(self) -> float:
        """Seconds of audio that have come since the oldest waiting job was due."""
        with self._changed:
            return self._backlog()

    def change(self, policy: PolicySettings) -> None:
        """Translate the segments that begin from now on by another policy."""
        with self._changed:
            self._policy_settings = policy

    def put(self, output: SegmentOutput) -> None:
        """Take what the segmenter gave. Blocks while enough jobs wait, if the source can be held back."""
        with self._changed:
            self._changed.wait_for(lambda: not self._hold_back or len(self._jobs) < QUEUED)
            if self._aborted:
                return
            if isinstance(output, SegmentStarted):
                policy = make_policy(self._policy_settings, self._model)
                self._unfinished.append(_Segment(output.segment, output.start, policy))
            elif isinstance(output, SegmentAudio):
                self._grow(self._unfinished[-1], output)
            else:
                self._jobs.append(_Finish(self._unfinished[-1], output, output.heard))
            self._changed.notify_all()

    def hear(self, position: int) -> None:
        """The stream has come to `position`, in samples."""
        with self._changed:
            self._heard = position
            self._update_load()

    def release(self) -> None:
        """Hold nothing back any more: the source has been stopped, so what still comes is little."""
        with self._changed:
            self._hold_back = False
            self._changed.notify_all()

    def close(self) -> None:
        """No more input: the thread ends when all is translated."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def abort(self) -> tuple[float, float] | None:
        """Drop what waits; the thread ends when the model returns. The span that is lost, in seconds, if any."""
        with self._changed:
            lost = (self._unfinished[0].start / SAMPLE_RATE, self._heard / SAMPLE_RATE) if self._unfinished else None
            self._aborted = self._closed = True
            self._hold_back = False
            self._jobs.clear()
            self._unfinished.clear()
            self._changed.notify_all()
            return lost

    def _grow(self, segment: _Segment, output: SegmentAudio) -> None:
        segment.audio.append(output.chunk.samples)
        segment.length += len(output.chunk.samples)
        step = segment.policy.step
        if step is None:
            return
        while (length := round((segment.looks + 1) * step * SAMPLE_RATE)) <= segment.length:
            segment.looks += 1
            position = segment.start + length
            self._jobs.append(_Look(segment, length, settled=position <= output.settled, due=position))

    def _backlog(self) -> float:
        """With the lock held."""
        oldest = self._current or (self._jobs[0] if self._jobs else None)
        return max(0.0, (self._heard - oldest.due) / SAMPLE_RATE) if oldest is not None else 0.0

    def _update_load(self) -> None:
        """With the lock held."""
        if self._clock is None:
            return
        backlog = self._backlog()
        if self._ladder.update(backlog, self._heard / SAMPLE_RATE):
            self._publish(Load(self._ladder.level.label, backlog))

    def _run(self) -> None:
        error: Exception | None = None
        try:
            while (job := self._next()) is not None:
                if isinstance(job, _Look):
                    self._look(job)
                else:
                    self._finish(job)
        except Exception as unexpected:
            logger.exception("the inference worker failed")
            error = unexpected
        self._finished(error)

    def _next(self) -> _Look | _Finish | None:
        """Wait for the next job that the load allows; None at the end."""
        with self._changed:
            self._current = None
            self._update_load()
            while True:
                self._changed.wait_for(lambda: self._jobs or self._closed)
                if not self._jobs:
                    return None
                job = self._jobs.popleft()
                self._changed.notify_all()
                if not self._superseded(job):
                    self._current = job
                    return job

    def _superseded(self, job: _Look | _Finish) -> bool:
        if isinstance(job, _Finish) or self._ladder.level is Level.NORMAL:
            return False
        return self._ladder.level >= Level.FINALS_ONLY or any(later.segment is job.segment for later in self._jobs)

    def _audio(self, segment: _Segment, length: int) -> NDArray[np.float32]:
        """The first samples of a segment; all that has come is kept as one array."""
        with self._changed:
            whole = np.concatenate(segment.audio) if segment.audio else np.zeros(0, dtype=np.float32)
            segment.audio = [whole]
        return whole[:length]

    def _look(self, job: _Look) -> None:
        segment = job.segment
        begin = time.monotonic()
        try:
            decision = segment.policy.look(self._audio(segment, job.length), segment.committed, settled=job.settled)
            segment.committed += decision.commit
            committed = self._model.text(segment.committed)
            shown = self._model.text(segment.committed + decision.tentative)
        except Exception as error:
            self._complain(segment, job.length, error)
            return
        self._publish(
            Partial(
                segment=segment.number,
                start=segment.start / SAMPLE_RATE,
                end=(segment.start + job.length) / SAMPLE_RATE,
                committed=committed,
                tentative=shown[len(committed) :].strip(),
                compute=time.monotonic() - begin,
            )
        )

    def _finish(self, job: _Finish) -> None:
        segment, end = job.segment, job.end
        begin = time.monotonic()
        text, confidence = "", None
        for attempt in range(ATTEMPTS):
            try:
                text, confidence = self._translate(segment, end.end - end.start)
                break
            except Exception as error:
                self._complain(segment, end.end - end.start, error)
                if attempt + 1 == ATTEMPTS:
                    text = self._safe_text(segment.committed)
                    self._publish(
                        Gap(end.start / SAMPLE_RATE, end.end / SAMPLE_RATE, "the model failed on this segment twice")
                    )
        compute = time.monotonic() - begin
        now = self._clock() if self._clock is not None else end.heard / SAMPLE_RATE + compute
        with self._changed:
            if self._aborted:
                return
            self._unfinished.remove(segment)
        self._publish(
            Final(
                segment=segment.number,
                start=end.start / SAMPLE_RATE,
                end=end.end / SAMPLE_RATE,
                text=text,
                compute=compute,
                lag=max(0.0, now - end.speech_end / SAMPLE_RATE),
                confidence=confidence,
                revised=not text.startswith(self._safe_text(segment.committed)),
            )
        )

    def _translate(self, segment: _Segment, length: int) -> tuple[str, float | None]:
        """Text and confidence of a whole segment, beginning with what is committed."""
        known = len(segment.committed)
        found: Hypothesis = self._model.translate(
            self._audio(segment, length),
            segment.committed,
            beam_size=1 if self._ladder.level is Level.GREEDY else self._beam_size,
            max_tokens=token_budget(length / SAMPLE_RATE),
        )
        tokens = collapse_repeats(found.tokens, keep=known)
        if not found.complete:
            tokens = whole_words(self._model, tokens, known)
        return self._model.text(tokens), found.confidence

    def _safe_text(self, tokens: tuple[int, ...]) -> str:
        """The text of tokens that have been shown, even when the model is broken by now."""
        try:
            return self._model.text(tokens)
        except Exception:
            return ""

    def _complain(self, segment: _Segment, length: int, error: Exception) -> None:
        """Once for each segment."""
        logger.debug("the model failed on segment %d", segment.number, exc_info=error)
        if segment.complained:
            return
        segment.complained = True
        start, end = segment.start / SAMPLE_RATE, (segment.start + length) / SAMPLE_RATE
        cause = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        self._publish(
            Error(f"The model failed on the speech from {start:.1f} s to {end:.1f} s ({cause}).", fatal=False)
        )
