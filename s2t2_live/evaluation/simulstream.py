"""The engine as a speech processor of simulstream, for its inference, its server and its web demo.

`simulstream.yaml` beside this module is its configuration. The toolkit gives the audio and takes the captions;
segments, policies and model are those of a live session, on the toolkit's thread. Knows no metric.
"""

from __future__ import annotations

import logging
import re
from functools import reduce
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from simulstream.server.speech_processors import SpeechProcessor
from simulstream.server.speech_processors.incremental_output import IncrementalOutput

from s2t2_live.assembly import engine_settings, load_model
from s2t2_live.audio.chunk import AudioChunk
from s2t2_live.audio.segmenter import Segmenter, SegmentOutput
from s2t2_live.audio.vad import make_detector
from s2t2_live.errors import SettingsError
from s2t2_live.live.events import Error, Event, Final, Partial
from s2t2_live.live.presets import Stability, shown
from s2t2_live.live.translator import Translator
from s2t2_live.settings import Settings, apply, from_tables

CONFIGURATION = Path(__file__).with_suffix(".yaml")
"""Ready for use; says what each key means."""
THEIRS = frozenset({"type", "speech_chunk_size", "detokenizer_type", "latency_unit"})
"""Keys of the toolkit itself."""
SPACE = "▁"
"""Begins each word of the output, so that tokens can be joined to a text without knowing what came before."""

TOKEN = re.compile(f"{SPACE}?[^{SPACE}]+")
"""A word with its space; at the beginning perhaps the rest of a word that was there, such as its full stop."""

logger = logging.getLogger(__name__)


class LiveSpeechProcessor(SpeechProcessor):  # type: ignore[misc]
    """One stream after the other; each processor has a model of its own, because a model belongs to one thread.

    An output is what changes on the screen of a reader: the words that go, from the end, and those that come. A full
    stop that comes behind a word takes nothing back.
    """

    def __init__(self, config: SimpleNamespace) -> None:
        """Raises SettingsError for an unknown key or value, ModelError where the model cannot be loaded."""
        super().__init__(config)
        keys = {name: _plain(value) for name, value in vars(config).items() if name not in THEIRS}
        self._stability: Stability = keys.pop("stability", "committed")
        if self._stability not in get_args(Stability):
            raise SettingsError(f"stability is {self._stability!r}; there are {', '.join(get_args(Stability))}.")
        settings = reduce(apply, from_tables(keys, "speech processor"), Settings())
        self._engine = engine_settings(settings)
        self._model = load_model(settings)
        self._detector = make_detector(self._engine.vad)
        self.clear()

    @classmethod
    def load_model(cls, config: SimpleNamespace) -> None:
        """Nothing is shared by all processors."""

    def clear(self) -> None:
        """Be ready for another stream."""
        self._detector.reset()
        self._segmenter = Segmenter(self._detector, self._engine.segmenter)
        self._events: list[Event] = []
        self._open: list[str] = []
        self._translator = Translator(
            self._model,
            policy=self._engine.policy,
            beam_size=self._engine.beam_size,
            load=self._engine.load,
            clock=None,
            publish=self._events.append,
            finished=lambda error: None,
        )

    def process_chunk(self, waveform: NDArray[np.float32]) -> IncrementalOutput:
        """Translate what can be translated with this audio, shape (n,) at 16 kHz, n as the toolkit likes."""
        self._translate(self._segmenter.push(AudioChunk(waveform, self._segmenter.position)))
        return self._output()

    def end_of_stream(self) -> IncrementalOutput:
        """Translate the rest."""
        self._translate(self._segmenter.flush())
        return self._output()

    def tokens_to_string(self, tokens: list[str]) -> str:
        """The text of the tokens; every word has its space before it."""
        return "".join(tokens).replace(SPACE, " ")

    def set_source_language(self, language: str) -> None:
        """The languages are those of the model."""

    def set_target_language(self, language: str) -> None:
        """The languages are those of the model."""

    def _translate(self, outputs: list[SegmentOutput]) -> None:
        for output in outputs:
            self._translator.put(output)
            self._translator.catch_up()
        self._translator.hear(self._segmenter.position)

    def _output(self) -> IncrementalOutput:
        """What the events since the last output change in the text after the last final one."""
        settled, unfinished = "", "".join(self._open)
        for event in self._events:
            if isinstance(event, Final):
                settled, unfinished = settled + _spaced(event.text), ""
            elif isinstance(event, Partial):
                unfinished = _spaced(" ".join(shown(event, self._stability)))
            elif isinstance(event, Error):
                logger.warning("%s", event.message)
        self._events.clear()
        text, kept, length = settled + unfinished, 0, 0
        while kept < len(self._open) and text.startswith(self._open[kept], length):
            length += len(self._open[kept])
            kept += 1
        new, deleted = TOKEN.findall(text, length), self._open[kept:]
        # A final is never taken back, so only the tokens of the open segment are remembered.
        self._open = TOKEN.findall(unfinished) if settled else self._open[:kept] + new
        return IncrementalOutput(new, self.tokens_to_string(new), deleted, self.tokens_to_string(deleted))


def _spaced(text: str) -> str:
    return "".join(SPACE + word for word in text.split())


def _plain(value: Any) -> Any:
    """A value of the toolkit's configuration, its tables as dictionaries."""
    return {name: _plain(item) for name, item in vars(value).items()} if isinstance(value, SimpleNamespace) else value
