"""How good and how late a stream of captions was, by simulstream's own measures. Knows no engine."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from mweralign import mweralign
from simulstream.metrics.readers import LogReader, YamlReferenceReader
from simulstream.metrics.scorers.latency import LatencyScoringSample
from simulstream.metrics.scorers.latency.stream_laal import StreamLaal
from simulstream.metrics.stats import NormalizedErasure, RealTimeFactor

from s2t2_live.evaluation.bleu import corpus_bleu
from s2t2_live.standard_streams import own_standard_error

CONFIGURATION = SimpleNamespace(detokenizer_type="simuleval", latency_unit="spm")
"""How the processor's log is to be read: tokens that carry their spaces."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Of one recording."""

    bleu: float
    """0 to 100, of the captions cut at the sentences of the reference."""
    stream_laal: float
    """Seconds that a word comes behind an ideal interpreter (StreamLAAL, Papi et al. 2024), computation not counted."""
    stream_laal_computation_aware: float
    """The same with the time that the computer took."""
    normalized_erasure: float
    """Words that were taken back, for each that remained (Arivazhagan et al. 2020)."""
    real_time_factor: float
    """Seconds of computation for a second of audio."""


def score(log: Path, definition: Path, references: Path) -> Scores:
    """The scores of simulstream's log of one recording."""
    reader = LogReader(CONFIGURATION, str(log), latency_unit="word")
    ((name, sentences),) = YamlReferenceReader(str(definition), str(references)).references.items()
    output = reader.final_outputs_and_latencies()[name]
    texts = [sentence.content for sentence in sentences]
    logging.getLogger(StreamLaal.__module__).setLevel(logging.ERROR)  # It warns of sentences without a caption.
    with own_standard_error():  # The aligner in C reports on every call.
        late = StreamLaal(SimpleNamespace(latency_unit="word")).score([LatencyScoringSample(name, output, sentences)])
    return Scores(
        bleu=corpus_bleu(cut_at_sentences(output.final_text, texts), texts).score,
        stream_laal=late.ideal_latency,
        stream_laal_computation_aware=late.computational_aware_latency,
        normalized_erasure=NormalizedErasure().compute(reader),
        real_time_factor=RealTimeFactor().compute(reader),
    )


def cut_at_sentences(text: str, references: Sequence[str]) -> list[str]:
    """The text in as many pieces as there are references, cut where the word error is least."""
    with own_standard_error():
        pieces: str = mweralign.align_texts("\n".join(references), text)
    return [piece.strip() for piece in pieces.split("\n")]
