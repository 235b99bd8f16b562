"""Calibration of the policy alignatt: which layer of a checkpoint's decoder tells where a token was taken from.

    python -m s2t2_live.evaluation.alignment [FOLDER] [--write] [FILE …]

Beginnings of recordings are translated, and the tokens compared with those of the whole recording. A layer serves the
policy if the tokens that more audio changes were taken from the end of the audio and the others were not; how often it
puts two such tokens in the right order is its figure, 0.5 for a layer that knows nothing. It takes no reference and no
time of a word, so any speech will do. Knows no policy.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from s2t2_live.assets import asset
from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.recording import Recording
from s2t2_live.audio.segmenter import SegmentAudio, SegmentEnded, Segmenter, SegmenterSettings
from s2t2_live.audio.vad import make_detector
from s2t2_live.cli import INTERRUPTED
from s2t2_live.errors import S2T2Error, UsageError
from s2t2_live.live.guards import token_budget
from s2t2_live.live.guess import common
from s2t2_live.live.translation import SpeechTranslationModel
from s2t2_live.speech2text2.generation_config import GENERATION_CONFIG_FILE
from s2t2_live.speech2text2.hub import resolve_model_folder
from s2t2_live.speech2text2.json_files import read_object

STEP = 0.5
"""Seconds from one beginning to the next."""


@dataclass(slots=True)
class Evidence:
    """Of one layer: how far before the end of the audio tokens were taken from, in seconds."""

    confirmed: list[float] = field(default_factory=list)
    """Tokens that the whole recording has too."""
    changed: list[float] = field(default_factory=list)
    """The first token of each beginning that it has not."""

    @property
    def order(self) -> float:
        """How often a confirmed token was taken from further back than a changed one; ties count half."""
        if not (self.confirmed and self.changed):
            raise UsageError(
                "No translation of a beginning differs from that of the whole; give more recordings, or longer ones."
            )
        one, other = np.array(self.confirmed)[:, None], np.array(self.changed)[None]
        return float((one > other).mean() + 0.5 * (one == other).mean())


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures, the last line as JSON, and store the best layer if asked to; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m s2t2_live.evaluation.alignment", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", nargs="?", default="demo-en-de", help="of the checkpoint (default: the shipped one)")
    parser.add_argument("files", nargs="*", type=Path, help="recordings (default: the shipped ones)")
    parser.add_argument("--write", action="store_true", help="store the result in the checkpoint")
    arguments = parser.parse_args(argv)
    try:
        model = SpeechTranslationModel.load(
            arguments.folder, device="auto", precision="fp32", threads=None, offline=True
        )
        files = arguments.files or sorted(asset("recordings").glob("*.flac"))
        # Recordings that are too short for a beginning are no evidence of any layer.
        layers = collect(model, [segment for file in files for segment in segments(file)]) or [Evidence()]
        orders = [layer.order for layer in layers]
        for index, layer in enumerate(layers):
            print(
                f"layer {index}: right order {orders[index]:.3f}; taken from {np.median(layer.confirmed):.2f} s before "
                f"the end where confirmed ({len(layer.confirmed)}), {np.median(layer.changed):.2f} s where changed "
                f"({len(layer.changed)})"
            )
        best = int(np.argmax(orders))
        if arguments.write:
            store(resolve_model_folder(arguments.folder, local_files_only=True), best)
        print(json.dumps({"checkpoint": arguments.folder, "layer": best, "order": orders}))
    except S2T2Error as error:
        print(f"alignment: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def segments(file: Path) -> Iterator[NDArray[np.float32]]:
    """The audio of each speech segment of a recording, as a session would translate it."""
    segmenter = Segmenter(make_detector("webrtc"), SegmenterSettings())
    parts: list[NDArray[np.float32]] = []
    outputs = [output for chunk in Recording(file, pace="max") for output in segmenter.push(chunk)]
    for output in [*outputs, *segmenter.flush()]:
        if isinstance(output, SegmentAudio):
            parts.append(output.chunk.samples)
        elif isinstance(output, SegmentEnded):
            yield np.concatenate(parts)[: output.end - output.start]
            parts = []


def collect(model: SpeechTranslationModel, recordings: Iterable[NDArray[np.float32]]) -> list[Evidence]:
    """The evidence of each layer, all heads of it together."""
    layers: list[Evidence] = []
    step = round(STEP * SAMPLE_RATE)
    for samples in recordings:
        whole = _tokens(model, samples)
        for length in range(2 * step, len(samples), step):
            tokens = _tokens(model, samples[:length])
            same = common(whole, tokens)
            attention = model.attention(samples[:length], tokens)
            layers = layers or [Evidence() for _ in attention]
            frames = attention.shape[-1]
            # Averaged over the heads, as the policy's model does.
            for layer, place in zip(layers, attention.mean(1).argmax(-1), strict=True):
                before_end = ((frames - 0.5 - place) / frames * length / SAMPLE_RATE).tolist()
                layer.confirmed += before_end[:same]
                layer.changed += before_end[same : same + 1]
    return layers


def store(folder: Path, layer: int) -> None:
    """Write all heads of the layer as `alignment_heads` into the checkpoint's generation_config.json."""
    heads = read_object(folder / "config.json")["decoder"]["decoder_attention_heads"]
    file = folder / GENERATION_CONFIG_FILE
    options = {**read_object(file), "alignment_heads": [[layer, head] for head in range(heads)]}
    # It would say that the options can be taken from config.json anew.
    options.pop("_from_model_config", None)
    file.write_text(json.dumps(options, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _tokens(model: SpeechTranslationModel, samples: NDArray[np.float32]) -> tuple[int, ...]:
    return model.translate(samples, (), beam_size=1, max_tokens=token_budget(len(samples) / SAMPLE_RATE)).tokens


if __name__ == "__main__":
    sys.exit(main())
