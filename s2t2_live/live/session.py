"""A session: wires a source, the engine and sinks; starts, drains and stops them. Knows no device and no format.

Four threads, joined by queues: `listener` takes audio from the source and cuts it into segments, `translator` runs
the model, `publisher` calls the sinks, and `conductor` starts and ends the others. `stop` and `abort` only leave a
request for the conductor, in a queue that may be written from a signal handler.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from queue import Empty, SimpleQueue

from s2t2_live.audio.chunk import SAMPLE_RATE, AudioGap, AudioNotice, Source, SourceItem
from s2t2_live.audio.level import Level, LevelMeter
from s2t2_live.audio.segmenter import SegmentEnded as Ended
from s2t2_live.audio.segmenter import Segmenter, SegmenterSettings, SegmentOutput
from s2t2_live.audio.segmenter import SegmentStarted as Started
from s2t2_live.audio.vad import make_detector
from s2t2_live.errors import AudioError, S2T2Error, sentence
from s2t2_live.live.events import Error, Event, Gap, SessionStarted, SpeechEnded, SpeechStarted, Summary
from s2t2_live.live.hypothesis import TranslationModel
from s2t2_live.live.load import LoadSettings
from s2t2_live.live.measures import Measures
from s2t2_live.live.policy import PolicySettings
from s2t2_live.live.publisher import Publisher, Sink
from s2t2_live.live.translator import Translator
from s2t2_live.version import __version__

__all__ = ["EngineSettings", "Session", "Sink"]

logger = logging.getLogger(__name__)

STOP_TIMEOUT = 5.0
"""Seconds that a source has to end after `stop`; then the session goes on without it."""
ABORT_TIMEOUT = 2.0
"""Seconds that the threads have to end after `abort`; then they are left behind."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Everything that changes what the engine does with the audio."""

    segmenter: SegmenterSettings = field(default_factory=SegmenterSettings)
    vad: str = "webrtc"
    policy: PolicySettings = field(default_factory=PolicySettings)
    beam_size: int = 5
    """Of the finals."""
    load: LoadSettings = field(default_factory=LoadSettings)


class _Request(Enum):
    """What the conductor is told."""

    STOP = auto()
    ABORT = auto()
    LISTENED = auto()
    TRANSLATED = auto()
    PUBLISHED = auto()


class Session:
    """One run from a source to its sinks.

    It ends when the source does and everything is translated, or after `stop` or `abort`. Whatever fails, the events
    that were published reach the sinks that still work, the last one a summary.
    """

    def __init__(
        self, source: Source, model: TranslationModel, *, settings: EngineSettings, sinks: Sequence[Sink]
    ) -> None:
        """Raises UsageError for a voice detector that does not exist."""
        self.summary: Summary | None = None
        """Set when the session has ended."""
        self.error: Exception | None = None
        """The first failure of the source, of a sink or of the engine: the reason for a non-zero exit code."""
        self._source = source
        self._model = model
        self._settings = settings
        self._segmenter = Segmenter(make_detector(settings.vad), settings.segmenter)
        self._meter = LevelMeter()
        self._begin: int | None = None
        self._missing = 0
        self._paused = False
        self._lost = False
        self._measures = Measures()
        self._requests: SimpleQueue[_Request] = SimpleQueue()
        self._publisher = Publisher(
            sinks, failed=self._sink_failed, finished=lambda: self._requests.put(_Request.PUBLISHED)
        )
        self._translator = Translator(
            model,
            policy=settings.policy,
            beam_size=settings.beam_size,
            load=settings.load,
            clock=source.now if source.real_time else None,
            publish=self._publish,
            finished=self._translated,
        )
        self._listener = threading.Thread(target=self._listen, name="listener", daemon=True)
        self._conductor = threading.Thread(target=self._conduct, name="conductor", daemon=True)
        self._pending = {_Request.LISTENED, _Request.TRANSLATED, _Request.PUBLISHED}
        self._deadline: float | None = None
        self._aborted = False
        self._deaf = False
        self._hearing = threading.Lock()
        self._giving_up = threading.Lock()
        """Held while the listener tells of a segment, so that it tells of none after the last final."""
        self._fatal: Exception | None = None
        self._measuring = threading.Lock()
        self._finished = threading.Event()

    @property
    def progress(self) -> float:
        """Seconds of audio that are done: every caption up to there is final."""
        return self._translator.done

    @property
    def pending(self) -> float:
        """Seconds of audio that have been heard and are not done."""
        return max(0.0, self._segmenter.position / SAMPLE_RATE - self.progress)

    @property
    def backlog(self) -> float:
        """Seconds of audio that have come since the oldest waiting work could have begun."""
        return self._translator.backlog

    @property
    def level(self) -> Level:
        """How loud the source is now."""
        return self._meter.level

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def lost(self) -> bool:
        """Whether the source has gone silent without meaning to, and is being waited for."""
        return self._lost

    def start(self) -> None:
        """Begin; returns at once."""
        model, source = self._model, self._source
        self._publish(
            SessionStarted(
                model=model.name,
                device=model.device,
                precision=model.precision,
                policy=self._settings.policy.name,
                source=source.name,
                sample_rate=source.sample_rate,
                version=__version__,
            )
        )
        self._conductor.start()

    def pause(self) -> None:
        """Hear nothing until `resume`: a recording stands still, live audio in between becomes a gap. Idempotent."""
        self._paused = True
        self._source.pause()

    def resume(self) -> None:
        """Go on after `pause`. Idempotent."""
        self._paused = False
        self._source.resume()

    def change(self, policy: PolicySettings, beam_size: int) -> None:
        """Translate what is said from now on by another policy, the finals from now on with another beam size.

        The segment that is open keeps its policy.
        """
        self._translator.change(policy, beam_size)

    def stop(self) -> None:
        """Stop capture and drain what was heard. Idempotent; from any thread or a signal handler."""
        self._requests.put(_Request.STOP)

    def abort(self) -> None:
        """Drop everything that is pending but the committed words. Idempotent; from any thread or a signal handler."""
        self._requests.put(_Request.ABORT)

    def wait(self, timeout: float | None = None) -> bool:
        """Until all events have reached the sinks and the threads are gone; False when `timeout` passed first.

        A thread that hangs in a driver, in the model or in a sink is left behind after `abort`.
        """
        return self._finished.wait(timeout)

    def _publish(self, event: Event) -> None:
        with self._measuring:
            self._measures.observe(event)
            self._publisher.publish(event)

    def _listen(self) -> None:
        """The listener's thread."""
        try:
            for item in self._source:
                with self._hearing:
                    if self._deaf:
                        break
                    self._hear(item)
        except Exception as error:
            self._failed(error)
        self._hear_no_more()
        self._requests.put(_Request.LISTENED)

    def _hear(self, item: SourceItem) -> None:
        if isinstance(item, AudioNotice):
            self._lost = self._lost or item.lost
            self._publish(Error(item.message, fatal=False))
            return
        if self._begin is None:
            self._begin = item.start
            self._segmenter.skip(item.start)
        if isinstance(item, AudioGap):
            self._forward(self._segmenter.skip(item.end), lost=item.end - item.start)
            self._missing += item.end - item.start
            if item.end > item.start:
                self._publish(Gap(item.start / SAMPLE_RATE, item.end / SAMPLE_RATE, item.reason))
        else:
            self._lost = False
            self._meter.hear(item)
            self._forward(self._segmenter.push(item))

    def _hear_no_more(self) -> None:
        """End the open segment and leave the rest to the translator; called by whoever ends the listening first."""
        with self._hearing:
            if self._deaf:
                return
            self._deaf = True
            try:
                self._forward(self._segmenter.flush())
            except Exception as error:
                self._failed(error)
            self._translator.close()

    def _forward(self, outputs: list[SegmentOutput], *, lost: int = 0) -> None:
        for output in outputs:
            with self._giving_up:
                if self._aborted:
                    return
                if isinstance(output, Started):
                    self._publish(SpeechStarted(output.segment, output.start / SAMPLE_RATE))
                elif isinstance(output, Ended):
                    start, end = output.start / SAMPLE_RATE, output.end / SAMPLE_RATE
                    self._publish(SpeechEnded(output.segment, start, end, output.reason))
            self._translator.put(output)
        self._translator.hear(self._segmenter.position, lost=lost)

    def _translated(self, error: Exception | None) -> None:
        """Called by the translator's thread at its end."""
        if error is not None:
            self._failed(error)
            self.abort()
        self._requests.put(_Request.TRANSLATED)

    def _sink_failed(self, error: Exception, last: bool) -> None:
        """Called by the publisher's thread; without sinks the session has no purpose."""
        self._note(error)
        if last:
            self.abort()
        else:
            self._publish(Error(sentence(error), fatal=False))

    def _failed(self, error: Exception) -> None:
        """The session cannot go on as it was meant to."""
        self._note(error)
        self._fatal = self._fatal or error

    def _note(self, error: Exception) -> None:
        if not isinstance(error, S2T2Error | OSError):
            logger.error("the session failed", exc_info=error)
        self.error = self.error or error

    def _conduct(self) -> None:
        """The conductor's thread."""
        try:
            self._publisher.start()
            self._translator.start()
            self._listener.start()
            # After `abort` the summary waits for no thread: whoever gave up may be gone before the model returns.
            self._serve(lambda: self._aborted or self._pending <= {_Request.PUBLISHED})
            self._conclude()
            self._serve(lambda: not self._pending)
        finally:
            self._finished.set()

    def _conclude(self) -> None:
        """The last events; none comes after them, whatever the threads still do."""
        if self._fatal is not None:
            self._publish(Error(sentence(self._fatal), fatal=True))
        heard = self._segmenter.position - (self._begin or 0) - self._missing
        with self._measuring:
            self.summary = self._measures.summary(heard / SAMPLE_RATE)
            self._publisher.publish(self.summary)
            self._publisher.close()

    def _serve(self, done: Callable[[], bool]) -> None:
        """Answer requests until all is done, or what is pending is overdue."""
        while not done():
            remaining = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
            try:
                self._answer(self._requests.get(timeout=remaining))
            except Empty:
                self._overdue()

    def _answer(self, request: _Request) -> None:
        if request is _Request.STOP and not self._aborted and _Request.LISTENED in self._pending:
            self._stop_source()
            self._translator.release()
            self._deadline = self._deadline or time.monotonic() + STOP_TIMEOUT
        elif request is _Request.ABORT and not self._aborted:
            with self._giving_up:
                self._aborted = self._deaf = True
            self._stop_source()
            lost = self._translator.abort()
            if lost is not None:
                self._publish(Gap(*lost, "stopped before it was translated"))
            self._deadline = time.monotonic() + ABORT_TIMEOUT
        elif request in self._pending:
            self._pending.remove(request)
            if request is _Request.LISTENED and not self._aborted:
                self._deadline = None

    def _stop_source(self) -> None:
        try:
            self._source.stop()
        except Exception as error:
            self._failed(error)

    def _overdue(self) -> None:
        """A part did not end in time: go on without it."""
        self._deadline = None
        if self._aborted:
            logger.warning("left behind: %s", ", ".join(sorted(request.name for request in self._pending)))
            self._pending.clear()
        else:
            self._failed(
                AudioError(f"{self._source.name} did not stop within {STOP_TIMEOUT:.0f} s; it was left behind.")
            )
            self._pending.discard(_Request.LISTENED)
            self._hear_no_more()
