"""What waits for the model, in its order, and what is left out of it under load. Knows no model."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.segmenter import SegmentAudio, SegmentEnded, SegmentLull, SegmentOutput, SegmentStarted
from s2t2_live.errors import AudioError
from s2t2_live.live.events import Event, Gap, Load
from s2t2_live.live.load import Level, LoadLadder, LoadSettings
from s2t2_live.live.policy import Policy
from s2t2_live.live.spool import Spool, WaitingAudio

QUEUED = 4
"""Jobs that wait when the source can be held back."""
SPARE = 1.2
"""Under load, looks come no faster than so many times what one takes."""
WORTHWHILE = 0.5
"""Seconds that a draft may take: when speech goes on, it was in vain, and the next look had to wait."""


@dataclass(slots=True, eq=False)
class Segment:
    """A segment without its final. Its fields are read and written under the queue's lock, but for the worker's."""

    number: int
    start: int
    """In samples on the source's clock, as everywhere in this module."""
    policy: Policy
    audio: WaitingAudio
    due_looks: int = 0
    """How many looks have come due."""
    looked: int = 0
    """Length of the audio at the last look that was not left out."""
    ended: SegmentEnded | None = None
    """Where it ends, as soon as that is known."""
    lost: int | None = None
    """Where on the source's clock its audio was lost, to its end."""
    why_lost: str = ""
    committed: tuple[int, ...] = ()
    """The worker's: token ids that are shown for good."""
    shown: str = ""
    """The worker's: the text of those that have been told."""
    shown_length: int = 0
    """The worker's: of how much audio that text was known."""
    complained: bool = False
    """The worker's: whether the model has failed on it."""

    @property
    def end(self) -> int:
        """Where the audio that has come so far ends."""
        return self.start + self.audio.length


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Translate the beginning of an open segment."""

    segment: Segment
    length: int
    settled: bool
    due: int
    """How much audio had come when the job could begin, in samples, as in the other jobs."""


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """In a lull: translate a segment as if it ended here."""

    segment: Segment
    length: int
    settled: bool
    due: int


@dataclass(frozen=True, slots=True, eq=False)
class Finish:
    """Translate a segment that has ended."""

    segment: Segment
    ended: SegmentEnded
    due: int


Job: TypeAlias = Look | Draft | Finish


class JobQueue:
    """From the listening thread to the worker.

    The looks at an open segment are due at fixed lengths of its audio, so they do not depend on the speed of the
    machine. A draft is made only where there is time for it, so that in real time a slow model shows the words that are
    settled in a lull with the final. A source that can be held back is held back, and every look is taken. A source
    that cannot be is watched: the backlog is how much audio has come since the oldest waiting job was due, and the load
    ladder says what to leave out. Finals are never left out. From the ladder's first step up, they wait behind no look
    of their segment.
    """

    def __init__(
        self,
        *,
        live: bool,
        load: LoadSettings,
        make_policy: Callable[[], Policy],
        publish: Callable[[Event], None],
    ) -> None:
        """`live` is a source that cannot be held back. `make_policy` is called for each segment."""
        self._live = live
        self._make_policy = make_policy
        self._publish = publish
        self._ladder = LoadLadder(load)
        self._spool = Spool(load.spool_limit)
        self._changed = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._current: Job | None = None
        self._unfinished: deque[Segment] = deque()
        self._heard = 0
        self._lost = 0
        self._done = 0
        self._look_cost = 0.0
        self._final_cost = 0.0
        self._hold_back = not live
        self._closed = False
        self.aborted = False

    @property
    def level(self) -> Level:
        return self._ladder.level

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

    @property
    def idle(self) -> bool:
        """Whether the worker waits for a job."""
        with self._changed:
            return self._current is None and not self._jobs

    def put(self, output: SegmentOutput) -> None:
        """Take what the segmenter gave. Blocks while enough jobs wait, if the source can be held back."""
        with self._changed:
            self._changed.wait_for(lambda: not self._hold_back or len(self._jobs) < QUEUED)
            if self.aborted:
                return
            if isinstance(output, SegmentStarted):
                audio = WaitingAudio(self._spool)
                self._unfinished.append(Segment(output.segment, output.start, self._make_policy(), audio))
            elif isinstance(output, SegmentAudio):
                self._grow(self._unfinished[-1], output)
            elif isinstance(output, SegmentLull):
                self._draft(self._unfinished[-1], output)
            else:
                self._end(self._unfinished[-1], output)
            self._changed.notify_all()

    def hear(self, position: int, *, lost: int = 0) -> None:
        """The stream has come to `position`, in samples; the last `lost` of them never came, and are no backlog."""
        with self._changed:
            self._heard = position
            self._lost += lost
            self._update_load()

    def release(self) -> None:
        """Hold nothing back any more: the source has been stopped, so what still comes is little."""
        with self._changed:
            self._hold_back = False
            self._changed.notify_all()

    def close(self) -> None:
        """No more input: `next` gives None when nothing waits any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def abort(self) -> tuple[list[Segment], int]:
        """Drop what waits. The segments without their final, and where the stream is, in samples."""
        with self._changed:
            dropped = list(self._unfinished)
            self.aborted = self._closed = True
            self._hold_back = False
            self._jobs.clear()
            self._unfinished.clear()
            self._spool.close()
            self._changed.notify_all()
            return dropped, self._heard

    def next(self, *, wait: bool = True) -> Job | None:
        """Wait for the next job that the load allows; None at the end, or when there is none and `wait` is False."""
        with self._changed:
            self._update_load()
            while True:
                self._changed.wait_for(lambda: self._jobs or self._closed or not wait)
                if not self._jobs:
                    if self._closed:
                        self._spool.close()
                    return None
                job = self._jobs.popleft()
                self._changed.notify_all()
                if not self._superseded(job):
                    self._current = job
                    return job

    def audio(self, segment: Segment, length: int) -> NDArray[np.float32]:
        """The first samples of a segment. Raises AudioError when they were on disk and cannot be read."""
        with self._changed:
            return segment.audio.samples(length)

    def done_with(self, job: Job, cost: float | None) -> bool:
        """The worker has done a job, in so many seconds if it took the model; False if all was dropped meanwhile."""
        with self._changed:
            self._current = None
            if cost is not None and isinstance(job, Look):
                self._look_cost = cost
            elif cost is not None:
                self._final_cost = cost
            if self.aborted:
                return False
            if isinstance(job, Finish):
                self._unfinished.remove(job.segment)
                job.segment.audio.release()
            return True

    def _grow(self, segment: Segment, output: SegmentAudio) -> None:
        if segment.lost is not None:
            return
        try:
            segment.audio.append(output.chunk.samples, to_disk=self.level is Level.SPOOL)
        except AudioError as error:
            segment.lost, segment.why_lost = segment.end, str(error)
            return
        step = segment.policy.step
        if step is None:
            return
        while (length := round((segment.due_looks + 1) * step * SAMPLE_RATE)) <= segment.audio.length:
            segment.due_looks += 1
            if not self._left_out(segment, length):
                segment.looked = length
                position = segment.start + length
                self._jobs.append(Look(segment, length, settled=position <= output.settled, due=position - self._lost))

    def _left_out(self, segment: Segment, length: int) -> bool:
        """Whether the load forbids this look before it waits at all."""
        if self.level is Level.COALESCE:
            return length - segment.looked < SPARE * self._look_cost * SAMPLE_RATE
        return self.level >= Level.FINALS_ONLY

    def _end(self, segment: Segment, output: SegmentEnded) -> None:
        segment.ended = output
        self._jobs.append(Finish(segment, output, output.heard - self._lost))
        if segment.lost is not None and segment.lost < output.end:
            self._publish(Gap(segment.lost / SAMPLE_RATE, output.end / SAMPLE_RATE, segment.why_lost))

    def _draft(self, segment: Segment, lull: SegmentLull) -> None:
        """There is time until the silence is long enough to end the segment, and its sentence may be over."""
        if segment.lost is not None or (segment.policy.step is None and not self._live):
            return
        if self.level is Level.NORMAL and not (self._live and self._final_cost > WORTHWHILE):
            self._jobs.append(Draft(segment, segment.audio.length, lull.settled, lull.heard - self._lost))

    def _superseded(self, job: Job) -> bool:
        if isinstance(job, Finish):
            return False
        if isinstance(job, Draft):
            # The segment of a recording may have ended long before its draft is due.
            if not self._live:
                return False
            useless = job.segment.policy.step is None and job.segment.audio.length > job.length
            return job.segment.ended is not None or useless or self.level is not Level.NORMAL
        if self.level is Level.NORMAL:
            return False
        return self.level >= Level.FINALS_ONLY or any(later.segment is job.segment for later in self._jobs)

    def _backlog(self) -> float:
        oldest = self._current or (self._jobs[0] if self._jobs else None)
        return max(0.0, (self._heard - self._lost - oldest.due) / SAMPLE_RATE) if oldest is not None else 0.0

    def _update_load(self) -> None:
        if not self._live or self.aborted:
            return
        backlog = self._backlog()
        if self._ladder.update(backlog, self._heard / SAMPLE_RATE):
            self._publish(Load(self._ladder.level.label, backlog))
