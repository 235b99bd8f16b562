"""The inference worker: one model, one thread, segments in, captions out. Knows no source and no sink."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.segmenter import SegmentOutput
from s2t2_live.errors import AudioError
from s2t2_live.live.events import Error, Event, Final, Gap, Partial
from s2t2_live.live.guards import collapse_repeats, token_budget
from s2t2_live.live.guess import committable, ends_sentence, sure_tokens, whole_words
from s2t2_live.live.hypothesis import TranslationModel
from s2t2_live.live.jobs import Draft, Finish, Job, JobQueue, Look, Segment
from s2t2_live.live.load import Level, LoadSettings
from s2t2_live.live.policy import PolicySettings, make_policy

logger = logging.getLogger(__name__)

ATTEMPTS = 2
"""How often a final is tried when the model fails."""


@dataclass(frozen=True, slots=True)
class _Version:
    """A translation of a whole segment, and all that it depends on but the model."""

    segment: int
    length: int
    committed: tuple[int, ...]
    beam_size: int
    tokens: tuple[int, ...]
    ready: int
    """How many of the tokens can be shown for good in a lull."""
    text: str
    confidence: float | None


@dataclass(frozen=True, slots=True)
class _Draft:
    """What a lull was used for."""

    version: _Version
    compute: float
    """Seconds that it took."""
    told: float
    """How many of them a partial has told of."""


class Translator:
    """Translates the segments of one session; `JobQueue` says what and when.

    What the model fails at is told once for each segment. A final is tried once more, on the CPU if the model was on
    a GPU, and when that fails too, the segment's final is what had been committed.
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
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` is the listener's, in seconds; None for a source that has none and can be held back.

        `finished` is called once, from the worker's thread, with the error that ended it, if any. `timer` measures the
        model, in seconds.
        """
        self._model = model
        self._policy_settings = policy
        self._beam_size = beam_size
        self._clock = clock
        self._publish = publish
        self._finished = finished
        self._timer = timer
        self._queue = JobQueue(
            live=clock is not None,
            load=load,
            make_policy=lambda: make_policy(self._policy_settings, self._model),
            publish=publish,
        )
        self._telling = threading.Lock()
        """Held while a result is told, so that none comes after `abort`."""
        self._draft: _Draft | None = None
        """The latest one, and the seconds that it took."""
        self._thread = threading.Thread(target=self._run, name="translator", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def done(self) -> float:
        """Seconds of audio up to which everything is translated; never falls."""
        return self._queue.done

    @property
    def backlog(self) -> float:
        """Seconds of audio that have come since the oldest waiting job was due."""
        return self._queue.backlog

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do at the moment."""
        return self._queue.idle

    def change(self, policy: PolicySettings, beam_size: int) -> None:
        """Translate the segments that begin from now on by another policy, the finals from now on with these beams."""
        self._policy_settings, self._beam_size = policy, beam_size

    def put(self, output: SegmentOutput) -> None:
        """Take what the segmenter gave. Blocks while enough jobs wait, if the source can be held back."""
        self._queue.put(output)

    def hear(self, position: int, *, lost: int = 0) -> None:
        """The stream has come to `position`, in samples; the last `lost` of them never came, and are no backlog."""
        self._queue.hear(position, lost=lost)

    def release(self) -> None:
        """Hold nothing back any more: the source has been stopped, so what still comes is little."""
        self._queue.release()

    def close(self) -> None:
        """No more input: the thread ends when all is translated."""
        self._queue.close()

    def abort(self) -> tuple[float, float] | None:
        """Drop what waits; the thread ends when the model returns. The span that is lost, in seconds, if any.

        The committed words of a segment are all that its final will ever have.
        """
        with self._telling:
            dropped, heard = self._queue.abort()
            for segment in dropped:
                if segment.shown:
                    self._cut_short(segment, heard)
        return (dropped[0].start / SAMPLE_RATE, heard / SAMPLE_RATE) if dropped else None

    def catch_up(self) -> None:
        """Do all that waits, on the caller's thread: for whoever calls this after each `put`, in place of `start`."""
        while (job := self._queue.next(wait=False)) is not None:
            self._do(job)

    def _run(self) -> None:
        error: Exception | None = None
        try:
            while (job := self._queue.next()) is not None:
                self._do(job)
        except Exception as unexpected:
            logger.exception("the inference worker failed")
            error = unexpected
        self._finished(error)

    def _do(self, job: Job) -> None:
        if isinstance(job, Look):
            self._look(job)
        elif isinstance(job, Draft):
            self._make_draft(job)
        else:
            self._finish(job)

    def _look(self, job: Look) -> None:
        segment = job.segment
        begin = self._timer()
        partial: Partial | None = None
        try:
            samples = self._queue.audio(segment, job.length)
            decision = segment.policy.look(samples, segment.committed, settled=job.settled)
            segment.committed += decision.commit
            partial = self._partial(segment, job.length, decision.tentative, self._timer() - begin)
        except Exception as error:
            self._complain(segment, job.length, error)
        self._show(job, partial, self._timer() - begin)

    def _make_draft(self, job: Draft) -> None:
        """Have the final ready when the lull turns out to end the segment; show its words if the sentence is over."""
        segment = job.segment
        begin = self._timer()
        partial: Partial | None = None
        try:
            draft = self._translate(segment, job.length)
            if job.settled and segment.policy.step is not None and draft.ready > len(segment.committed):
                segment.committed = draft.tokens[: draft.ready]
                partial = self._partial(segment, job.length, draft.tokens[draft.ready :], self._timer() - begin)
            told = 0.0 if partial is None else partial.compute
            self._draft = _Draft(replace(draft, committed=segment.committed), self._timer() - begin, told)
        except Exception:
            logger.debug("the model failed on a draft of segment %d", segment.number, exc_info=True)
        self._show(job, partial, self._timer() - begin)

    def _partial(self, segment: Segment, length: int, tentative: tuple[int, ...], compute: float) -> Partial:
        committed = self._model.text(segment.committed)
        shown = self._model.text(segment.committed + tentative)
        return Partial(
            segment=segment.number,
            start=segment.start / SAMPLE_RATE,
            end=(segment.start + length) / SAMPLE_RATE,
            committed=committed,
            tentative=shown[len(committed) :].strip(),
            compute=compute,
        )

    def _show(self, job: Look | Draft, partial: Partial | None, cost: float) -> None:
        """The job is done; tell what came of it, unless all was dropped meanwhile."""
        with self._telling:
            if self._queue.done_with(job, cost) and partial is not None:
                if partial.committed != job.segment.shown:
                    job.segment.shown, job.segment.shown_length = partial.committed, job.length
                self._publish(partial)

    def _finish(self, job: Finish) -> None:
        segment, end = job.segment, job.ended
        length = end.end - end.start
        begin = self._timer()
        version, drafting, told = self._drafted(segment, length)
        cost = None
        for attempt in range(ATTEMPTS if version is None else 0):
            try:
                version = self._translate(segment, length)
                cost = self._timer() - begin
                break
            except Exception as error:
                self._complain(segment, length, error)
                # What cannot be read back from disk is no fault of the GPU's.
                if attempt == 0 and not isinstance(error, AudioError):
                    self._leave_gpu()
        compute = drafting + self._timer() - begin  # the caption took that long, some of it before the end
        now = self._clock() if self._clock is not None else end.heard / SAMPLE_RATE + compute
        text = segment.shown if version is None else version.text
        final = Final(
            segment=segment.number,
            start=end.start / SAMPLE_RATE,
            end=end.end / SAMPLE_RATE,
            text=text,
            compute=compute - told,
            lag=max(0.0, now - end.speech_end / SAMPLE_RATE),
            confidence=None if version is None else version.confidence,
            revised=not text.startswith(segment.shown),
        )
        with self._telling:
            if not self._queue.done_with(job, cost):
                return
            if version is None:
                kept = segment.shown_length if segment.shown_length < length else 0
                begin = final.start + kept / SAMPLE_RATE
                self._publish(Gap(begin, final.end, "the model failed on this segment twice"))
            self._publish(final)

    def _cut_short(self, segment: Segment, heard: int) -> None:
        """The final of a segment that is dropped."""
        ended = segment.ended
        end, speech_end = (segment.end, segment.end) if ended is None else (ended.end, ended.speech_end)
        now = self._clock() if self._clock is not None else heard / SAMPLE_RATE
        self._publish(
            Final(
                segment=segment.number,
                start=segment.start / SAMPLE_RATE,
                end=end / SAMPLE_RATE,
                text=segment.shown,
                compute=0.0,
                lag=max(0.0, now - speech_end / SAMPLE_RATE),
            )
        )

    def _drafted(self, segment: Segment, length: int) -> tuple[_Version | None, float, float]:
        """What was translated in the pause, if it is what would be translated now.

        In any case the seconds that it took, and how many of them a partial has told of.
        """
        if self._draft is None or self._draft.version.segment != segment.number:
            return None, 0.0, 0.0
        draft = self._draft.version
        same = (draft.length, draft.committed, draft.beam_size) == (length, segment.committed, self._final_beam_size)
        return draft if same else None, self._draft.compute, self._draft.told

    @property
    def _final_beam_size(self) -> int:
        return 1 if self._queue.level >= Level.GREEDY else self._beam_size

    def _translate(self, segment: Segment, length: int) -> _Version:
        """A whole segment, beginning with what is committed."""
        committed, beam_size = segment.committed, self._final_beam_size
        found = self._model.translate(
            self._queue.audio(segment, length),
            committed,
            beam_size=beam_size,
            max_tokens=token_budget(length / SAMPLE_RATE),
        )
        tokens = collapse_repeats(found.tokens, keep=len(committed))
        if not found.complete:
            tokens = whole_words(self._model, tokens, len(committed))
        text = self._model.text(tokens)
        ready = len(committed)
        if tokens == found.tokens and ends_sentence(self._model, found, ready):
            sure = sure_tokens(found, ready, self._policy_settings.certainty)
            ready = committable(self._model, tokens[:sure], ready)
        return _Version(segment.number, length, committed, beam_size, tokens, ready, text, found.confidence)

    def _leave_gpu(self) -> None:
        """After a failure there, the session goes on on the CPU."""
        device = self._model.device
        if device == "cpu":
            return
        try:
            self._model.to_cpu()
        except Exception:
            logger.debug("the model cannot leave the device %s", device, exc_info=True)
        else:
            self._publish(Error(f"The model goes on on the CPU, because it failed on {device}.", fatal=False))

    def _complain(self, segment: Segment, length: int, error: Exception) -> None:
        """Once for each segment."""
        logger.debug("the model failed on segment %d", segment.number, exc_info=error)
        if segment.complained or self._queue.aborted:
            return
        segment.complained = True
        start, end = segment.start / SAMPLE_RATE, (segment.start + length) / SAMPLE_RATE
        cause = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        self._publish(
            Error(f"The model failed on the speech from {start:.1f} s to {end:.1f} s ({cause}).", fatal=False)
        )
