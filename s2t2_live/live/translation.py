"""The model behind the live engine: loads a checkpoint by name and translates one segment. Knows no thread."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from s2t2_live import Speech2Text2Processor, SpeechEncoderDecoderModel
from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.high_pass import high_pass
from s2t2_live.audio.speech_check import NO_SPEECH, SURELY_NO_SPEECH, speech_check
from s2t2_live.errors import CheckpointError, UsageError
from s2t2_live.live.confidence import Calibration, evidence
from s2t2_live.live.equalizer import Equalizer
from s2t2_live.live.events import UNCERTAIN
from s2t2_live.live.hypothesis import Evidence, Hypothesis
from s2t2_live.speech2text2.hub import Progress, resolve_model_folder

SHORTEST = 0.1
"""Seconds of audio that no word fits into."""
SENTENCE_ENDS = frozenset(".?!…؟۔。")
_CONTINUES = "@@"
_DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16, "int8": torch.float32}


class SpeechTranslationModel:
    """A Speech2Text2 checkpoint as a `TranslationModel`."""

    _torchs_threads: ClassVar[int | None] = None
    """How many there were before a number was given, the process's, as they are."""

    def __init__(
        self,
        model: SpeechEncoderDecoderModel,
        processor: Speech2Text2Processor,
        *,
        name: str,
        precision: str,
        calibration: Calibration | None = None,
        equalizer: Equalizer | None = None,
    ) -> None:
        """`model` in evaluation mode, on the device and in the precision that it is to run in.

        Raises CheckpointError when the checkpoint is for another sampling rate than `SAMPLE_RATE`, or does not say
        how a sentence begins and ends.
        """
        self.name = name
        self.precision = precision
        self.device = model.device.type
        self._model = model
        self._dtype = model.dtype
        self._processor = processor
        self._calibration = calibration
        self._equalizer = equalizer
        generation = model.generation_config
        start = generation.decoder_start_token_id
        start = generation.bos_token_id if start is None else start
        if start is None or not generation.eos_ids:
            raise CheckpointError(f"{name} does not say which token begins a sentence and which one ends it.")
        self._start = int(start)
        self._ends = frozenset(generation.eos_ids)
        rate = processor.feature_extractor.sampling_rate
        if rate != SAMPLE_RATE:
            raise CheckpointError(f"{name} is for audio at {rate} Hz; this program gives it {SAMPLE_RATE} Hz.")
        tokenizer = processor.tokenizer
        special = set(tokenizer.all_special_ids)
        tokens = {index: token for token, index in tokenizer.get_vocab().items() if index not in special}
        self._unfinished = frozenset(index for index, token in tokens.items() if token.endswith(_CONTINUES))
        self._words = frozenset(index for index, token in tokens.items() if _is_word(token))
        self._longest = model.config.decoder.max_target_positions
        self._alignment_heads = alignment_heads(model)

    @classmethod
    def load(
        cls,
        name: str,
        *,
        device: str,
        precision: str,
        threads: int | None,
        offline: bool,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Self:
        """Load the shipped checkpoint by its name, a folder, or a hub id, and run it once to warm it up.

        `device` is auto, cpu, cuda or mps; `precision` is auto (fp32), fp32, fp16, bf16 or int8. `threads` is torch's
        for the whole process; None is as many as before another call gave a number. `progress` is told of the bytes of
        a download, `cancelled` asked whether to stop it.

        Raises ModelNotFoundError, DownloadCancelledError or CheckpointError, and UsageError for a device or precision
        that is not there.
        """
        device = _device(device)
        precision = "fp32" if precision == "auto" else precision
        if precision == "fp16" and device == "cpu":
            raise UsageError("The precision fp16 needs a GPU; on the CPU there are fp32, bf16 and int8.")
        if precision == "int8" and device != "cpu":
            raise UsageError("The precision int8 is for the CPU; on a GPU there are fp32, fp16 and bf16.")
        if threads is not None:
            cls._torchs_threads = cls._torchs_threads or torch.get_num_threads()
            torch.set_num_threads(threads)
        elif cls._torchs_threads is not None:
            torch.set_num_threads(cls._torchs_threads)
            cls._torchs_threads = None
        folder = resolve_model_folder(name, local_files_only=offline, progress=progress, cancelled=cancelled)
        processor = Speech2Text2Processor.from_pretrained(folder)
        model = SpeechEncoderDecoderModel.from_pretrained(folder, torch_dtype=_DTYPES[precision])
        model = _quantized(model) if precision == "int8" else model.to(device)
        calibration, equalizer = Calibration.load(folder), Equalizer.load(folder)
        loaded = cls(model, processor, name=name, precision=precision, calibration=calibration, equalizer=equalizer)
        loaded.translate(np.zeros(SAMPLE_RATE, dtype=np.float32), (), beam_size=1, max_tokens=2)
        return loaded

    def translate(
        self, samples: NDArray[np.float32], prefix: Sequence[int], *, beam_size: int, max_tokens: int
    ) -> Hypothesis:
        """See `TranslationModel`. The probabilities are the model's own, whatever the search made of them.

        Audio without speech gives the prefix alone, unless the model is sure of what it has heard.
        """
        nothing = Hypothesis(tuple(prefix), complete=True, log_probabilities=())
        if len(samples) < SHORTEST * SAMPLE_RATE:
            return nothing
        # The start token takes one of the decoder's positions.
        room = min(max_tokens, self._longest - 1) - len(prefix)
        with torch.inference_mode():
            encoded = self._encode(samples)
            sequence = [self._start, *prefix]
            if room > 0:
                generated = self._model.generate(
                    encoder_outputs=encoded,
                    decoder_input_ids=torch.tensor([sequence], device=self._model.device),
                    num_beams=beam_size,
                    max_new_tokens=room,
                    do_sample=False,
                    num_return_sequences=1,
                    return_dict_in_generate=False,
                )
                sequence = generated[0].tolist()
            end = next((i for i in range(1 + len(prefix), len(sequence)) if sequence[i] in self._ends), None)
            length = len(samples) / SAMPLE_RATE
            scores, attended, found = self._aligned(encoded, sequence[: None if end is None else end + 1], length)
        sure = self._calibration.confidence(found) if self._calibration and found else None
        doubted = sure is None or sure < UNCERTAIN
        if speech_check().log_odds(samples) < (NO_SPEECH if doubted else SURELY_NO_SPEECH):
            return nothing
        tokens = tuple(sequence[1:end])
        seconds = tuple(place * length for place in attended[: len(tokens)])
        return Hypothesis(
            tokens,
            complete=end is not None,
            log_probabilities=scores,
            attended=seconds,
            evidence=found,
            calibrated=sure,
        )

    def text(self, tokens: Sequence[int]) -> str:
        text: str = self._processor.tokenizer.decode(list(tokens), skip_special_tokens=True)
        return text.removesuffix(_CONTINUES).strip()

    def ends_word(self, token: int) -> bool:
        return token not in self._unfinished

    def is_word(self, token: int) -> bool:
        return token in self._words

    def attention(self, samples: NDArray[np.float32], tokens: Sequence[int]) -> torch.Tensor:
        """How the decoder looks at the audio as it says these tokens, float32 `(layers, heads, tokens, frames)`."""
        ids = torch.tensor([[self._start, *tokens]], device=self._model.device)
        with torch.inference_mode():
            encoded = self._encode(samples)
            output = self._model(encoder_outputs=encoded, decoder_input_ids=ids, output_attentions=True)
        return torch.cat(output.cross_attentions).float().cpu()[:, :, : len(tokens)]

    def to_cpu(self) -> None:
        """See `TranslationModel`. Raises ModelError when the GPU does not give the weights back and they are gone."""
        try:
            model = self._model.to("cpu", torch.float32)
        except RuntimeError:
            # After some failures a GPU answers nothing any more.
            model = SpeechEncoderDecoderModel.from_pretrained(self.name, local_files_only=True)
            model = model.to(torch.float32)
        self._model, self._dtype = model, torch.float32
        self.device, self.precision = "cpu", "fp32"

    def _encode(self, samples: NDArray[np.float32]) -> Any:
        heard = high_pass(samples)
        if self._equalizer is not None:
            heard = self._equalizer(heard)
        features = self._processor.feature_extractor(heard, sampling_rate=SAMPLE_RATE, return_tensors="pt")
        values = features["input_values"].to(self._model.device, self._dtype)
        return self._model.encoder(values, return_dict=True)

    def _aligned(
        self, encoded: Any, sequence: list[int], length: float
    ) -> tuple[tuple[float, ...], list[float], Evidence | None]:
        """Of each token after the start token: log-probability, and where in the audio it was taken from, 0 to 1.

        And how sure the model was of all of it. `length` is that of the audio, in seconds.
        """
        if len(sequence) < 2:
            return (), [], None
        given, chosen = torch.tensor(sequence[:-1]), torch.tensor(sequence[1:])
        output = self._model(
            encoder_outputs=encoded,
            decoder_input_ids=given[None].to(self._model.device),
            output_attentions=True,
            return_dict=True,
        )
        logits = output.logits[0].float().cpu()
        scores = tuple(logits.log_softmax(-1).gather(1, chosen[:, None])[:, 0].tolist())
        heads = [output.cross_attentions[layer][0, head] for layer, head in self._alignment_heads]
        weights = torch.stack(heads).float().mean(0)
        # The centre of the frame; frames are equally long, whatever the encoder makes of the audio.
        places = (weights.argmax(-1).double() + 0.5) / weights.shape[-1]
        attention = torch.cat(output.cross_attentions, dim=1)[0].float().cpu()
        return scores, places.tolist(), evidence(logits, chosen, attention, length)


def alignment_heads(model: SpeechEncoderDecoderModel) -> list[tuple[int, int]]:
    """The heads, as (layer, head), whose attention to the audio tells where a token was taken from.

    What `alignment_heads` in the checkpoint's generation_config.json says, as with Whisper; else those of the middle
    layer. Raises CheckpointError for a head that the decoder does not have.
    """
    layers, heads = model.config.decoder.decoder_layers, model.config.decoder.decoder_attention_heads
    chosen = getattr(model.generation_config, "alignment_heads", None)
    if chosen is None:
        return [(layers // 2, head) for head in range(heads)]
    every = {(layer, head) for layer in range(layers) for head in range(heads)}
    if not (isinstance(chosen, list) and chosen and all(isinstance(pair, list) for pair in chosen)):
        raise CheckpointError(f"alignment_heads must be a list of [layer, head], not {chosen!r}.")
    pairs = [tuple(pair) for pair in chosen]
    for pair in pairs:
        if pair not in every:
            raise CheckpointError(
                f"alignment_heads has {list(pair)}, but the decoder has {layers} layers of {heads} heads, from 0."
            )
    return pairs


def _is_word(token: str) -> bool:
    bare = token.removesuffix(_CONTINUES)
    return any(character.isalnum() for character in bare) and bare.rstrip("\"'»«“”")[-1:] not in SENTENCE_ENDS


def _device(wanted: str) -> str:
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if available[device])
    if not available.get(wanted, False):
        there = ", ".join(device for device, is_there in available.items() if is_there)
        raise UsageError(f"There is no device {wanted} on this machine or in this build of torch; there is: {there}.")
    return wanted


def _quantized(model: SpeechEncoderDecoderModel) -> Any:
    """The model with the weights of its linear layers as 8-bit integers."""
    with warnings.catch_warnings():
        # torch announces the end of this interface; its successor needs a C++ compiler on the user's machine.
        warnings.simplefilter("ignore")
        try:
            return torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
        except (RuntimeError, AttributeError) as error:
            raise UsageError(f"This build of torch cannot run int8 ({error}); use --precision fp32.") from error
