"""`generate`: from audio to token ids by greedy search, beam search or sampling, with cached decoding.

Knows nothing of text. Options and their meaning are those of transformers 4.37.2.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from s2t2_live.errors import AudioInputError, InputError
from s2t2_live.speech2text2.beam_search import BeamSearch, Hypothesis, largest
from s2t2_live.speech2text2.decoder import Speech2Text2ForCausalLM
from s2t2_live.speech2text2.decoding import CachedDecoding, Kept, Wanted
from s2t2_live.speech2text2.generation_config import GENERATION_CONFIG_FILE, GenerationConfig
from s2t2_live.speech2text2.logits import AllowedTokens, Processor, processors, warpers
from s2t2_live.speech2text2.model_config import GENERATION_DEFAULTS, ModelConfig
from s2t2_live.speech2text2.outputs import (
    EncoderOutput,
    GenerateBeamEncoderDecoderOutput,
    GenerateEncoderDecoderOutput,
)
from s2t2_live.speech2text2.speech_encoder import SpeechEncoder

StoppingCriterion = Callable[[Tensor, Sequence[Tensor] | None], Any]
GenerateOutput = GenerateEncoderDecoderOutput | GenerateBeamEncoderDecoderOutput


class Streamer(Protocol):
    """Is handed the tokens while they are generated."""

    def put(self, value: Tensor, /) -> object:
        """First the beginning `(batch, length)`, then a token of each hypothesis `(rows,)`; int64, on the CPU."""

    def end(self) -> object:
        """There will be no more."""


class Generator:
    """What a model with an encoder, a projection and a decoder needs to generate."""

    config: Any
    encoder: SpeechEncoder
    decoder: Speech2Text2ForCausalLM
    project: Any
    generation_config: GenerationConfig
    _derived_config: GenerationConfig | None
    _no_options: ClassVar[tuple[str, ...]] = (
        "decoder_attention_mask",
        "past_key_values",
        "input_features",
        "labels",
        "return_dict",
        "synced_gpus",
    )

    def derive_generation_config(self) -> None:
        """Takes the options from the model's configuration, for want of a file of their own."""
        self.generation_config = GenerationConfig.from_model_config(self.config)
        self._derived_config = GenerationConfig.from_model_config(self.config)

    def load_generation_config(self, folder: Path) -> None:
        """Reads the options from `generation_config.json`, if the folder has one."""
        if (folder / GENERATION_CONFIG_FILE).is_file():
            self.generation_config = GenerationConfig.from_pretrained(folder)
            # Such a file was itself taken from the model's configuration, which may have been changed since.
            derived = getattr(self.generation_config, "_from_model_config", False)
            self._derived_config = copy.deepcopy(self.generation_config) if derived else None

    def save_generation_config(self, folder: Path) -> None:
        self._options().save_pretrained(folder)

    def _options(self) -> GenerationConfig:
        # As in 4.37.2, options set on the model's configuration count until generation_config is touched.
        if self.generation_config == self._derived_config and _has_options(self.config):
            self.derive_generation_config()
        return self.generation_config

    @torch.no_grad()
    def generate(
        self,
        inputs: Tensor | None = None,
        generation_config: GenerationConfig | None = None,
        logits_processor: Sequence[Processor] | None = None,
        stopping_criteria: Sequence[StoppingCriterion] | None = None,
        prefix_allowed_tokens_fn: AllowedTokens | None = None,
        *,
        input_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        encoder_outputs: EncoderOutput | None = None,
        decoder_input_ids: Tensor | None = None,
        input_ids: Tensor | None = None,
        streamer: Streamer | None = None,
        **options: Any,
    ) -> Tensor | GenerateOutput:
        """Translates audio into token ids.

        Args:
            inputs, input_values: the audio `(batch, samples)`, 16 kHz, normalised; two names for one argument.
            generation_config: options instead of the model's own.
            logits_processor: further functions that change the scores, after those of the options.
            stopping_criteria: functions of the tokens and scores so far; generation stops when one is true.
            prefix_allowed_tokens_fn: lists the tokens allowed next, given the utterance's index and its tokens.
            attention_mask: `(batch, samples)`, 1 where the audio is valid.
            encoder_outputs: what the encoder returned for this audio, instead of the audio.
            decoder_input_ids, input_ids: `(batch, length)`, a forced beginning; the start token is put before it if
                missing; two names for one argument.
            streamer: is handed the tokens as they come; not with beams.
            options: replace single options of `generation_config`.

        Returns:
            Token ids `(batch * num_return_sequences, length)`, int64, that begin with the start token and are padded
            on the right; or, with `return_dict_in_generate`, a named output.

        Raises:
            AudioInputError: the audio has the wrong rank, is shorter than one frame, or is not finite.
            TokenInputError: a forced token is outside of the vocabulary.
            InputError: an option does not exist or has an impossible value.
        """
        config = copy.deepcopy(generation_config if generation_config is not None else self._options())
        rest = config.update(**options)
        if unknown := [name for name, value in rest.items() if value is not None and name not in self._no_options]:
            raise InputError(f"generate has no option {', '.join(unknown)}.")
        if vars(config)["num_beams"] is None:
            config.num_beams = 1
        config.validate()
        if streamer is not None and config.num_beams > 1:
            raise InputError("A streamer cannot follow several beams, which change what came before; set num_beams=1.")
        if config.pad_token_id is None and config.eos_ids:
            config.pad_token_id = config.eos_ids[0]
        for one, other, names in (
            (inputs, input_values, "inputs and input_values"),
            (decoder_input_ids, input_ids, "decoder_input_ids and input_ids"),
        ):
            if one is not None and other is not None:
                raise InputError(f"{names} are two names for one argument; give one of them.")
        encoded = encoder_outputs
        if encoded is None:
            encoded = self._encode(inputs if inputs is not None else input_values, attention_mask, config)
        hidden = encoded[0]
        frames = self.project(hidden)
        frame_mask = None if attention_mask is None else self.encoder.frame_mask(frames.shape[1], attention_mask)
        beginning = decoder_input_ids if decoder_input_ids is not None else input_ids
        prompt = self._prompt(beginning, len(frames), config, frames.device)
        if config.max_new_tokens is not None:
            config.max_length = prompt.shape[1] + config.max_new_tokens
        if config.num_beams > 1 and config.max_length <= prompt.shape[1]:
            raise InputError(f"max_length is {config.max_length}, but the beginning has {prompt.shape[1]} tokens.")
        search = Search(
            config,
            processors(config, prompt.shape[1], prefix_allowed_tokens_fn, tuple(logits_processor or ())),
            list(stopping_criteria or ()),
            streamer,
        )
        # As in 4.37.2 the model's own ids end a sequence where the options have none, but go into no processor.
        if config.eos_token_id is None:
            config.eos_token_id = self.generation_config.eos_token_id
        if config.pad_token_id is None:
            config.pad_token_id = self.generation_config.pad_token_id
        if config.pad_token_id is None and config.eos_ids:
            raise InputError("Set pad_token_id: a sequence that has ended is filled up with it.")
        beams = config.num_beams if config.num_beams > 1 else config.num_return_sequences
        wanted = Wanted(
            attentions=config.return_dict_in_generate and config.output_attentions,
            cross_attentions=config.return_dict_in_generate and config.output_cross_attentions,
            hidden_states=config.return_dict_in_generate and config.output_hidden_states,
        )
        # Faster than no_grad by a twentieth; functions of the caller are spared its peculiar tensors.
        plain = not (logits_processor or stopping_criteria or prefix_allowed_tokens_fn or streamer)
        with torch.inference_mode() if plain else torch.no_grad():
            decoding = CachedDecoding(self.decoder, frames, frame_mask, beams, wanted)
            run = search.beams if config.num_beams > 1 else search.single
            result = run(decoding, prompt)
        if not config.return_dict_in_generate:
            return result.sequences.clone()
        found = {name: _ordinary(value) for name, value in {**result, **_kept(decoding.kept, wanted)}.items()}
        if isinstance(encoded, EncoderOutput):
            found["encoder_attentions"] = encoded.attentions if config.output_attentions else None
            found["encoder_hidden_states"] = encoded.hidden_states if config.output_hidden_states else None
        return type(result)(**found)

    def _encode(self, audio: Tensor | None, attention_mask: Tensor | None, config: GenerationConfig) -> EncoderOutput:
        if audio is None:
            raise InputError("Give the audio as `inputs` or `input_values`, or `encoder_outputs`.")
        if attention_mask is not None and attention_mask.shape != audio.shape:
            raise AudioInputError(
                f"attention_mask has the shape {list(attention_mask.shape)}, the audio {list(audio.shape)}; they must "
                "be alike."
            )
        return self.encoder(
            audio,
            attention_mask=attention_mask,
            output_attentions=config.output_attentions,
            output_hidden_states=config.output_hidden_states,
            return_dict=True,
        )

    def _prompt(self, ids: Tensor | None, batch: int, config: GenerationConfig, device: torch.device) -> Tensor:
        own = self.generation_config
        starts = (config.decoder_start_token_id, own.decoder_start_token_id, config.bos_token_id, own.bos_token_id)
        start = next((token for token in starts if token is not None), None)
        if start is None:
            raise InputError("Set decoder_start_token_id or bos_token_id in the generation configuration.")
        begin = torch.full((batch, 1), start, dtype=torch.long, device=device)
        self.decoder.get_decoder().check_ids(begin)
        if config.pad_token_id is not None:
            self.decoder.get_decoder().check_ids(torch.tensor(config.pad_token_id))
        if ids is None:
            return begin
        if ids.dim() != 2 or len(ids) != batch:
            raise InputError(f"decoder_input_ids must have the shape ({batch}, length), not {list(ids.shape)}.")
        self.decoder.get_decoder().check_ids(ids)
        return torch.cat([begin, ids], dim=1) if bool((ids[:, 0] != start).all()) else ids

    def compute_transition_scores(
        self,
        sequences: Tensor,
        scores: Sequence[Tensor],
        beam_indices: Tensor | None = None,
        normalize_logits: bool = False,
    ) -> Tensor:
        """The score of each generated token.

        Args:
            sequences, scores, beam_indices: of an output of `generate` with `output_scores`.
            normalize_logits: whether to turn the scores into log-probabilities first.

        Returns:
            `(sequences, generated tokens)`, 0 after the end of a beam.
        """
        stacked = torch.stack(list(scores))
        if normalize_logits:
            stacked = stacked.log_softmax(-1)
        steps = len(stacked)
        if beam_indices is None:
            beam_indices = torch.arange(stacked.shape[1], device=sequences.device)[:, None].expand(-1, steps)
        steps = int((beam_indices >= 0).sum(-1).max())
        rows = beam_indices[:, :steps]
        tokens = sequences[:, sequences.shape[1] - steps :]
        found = stacked[torch.arange(steps, device=tokens.device), rows.clamp(min=0), tokens]
        return found.masked_fill(rows < 0, 0.0)


class Search:
    """The loops over the tokens."""

    def __init__(
        self,
        config: GenerationConfig,
        process: list[Processor],
        stopping_criteria: list[StoppingCriterion],
        streamer: Streamer | None = None,
    ) -> None:
        self.config = config
        self.process = process
        self.warp = warpers(config) if config.do_sample else []
        self.stopping_criteria = stopping_criteria
        self.streamer = streamer
        self.keep_scores = config.return_dict_in_generate and config.output_scores
        self.scores: list[Tensor] = []
        self.started = time.monotonic()

    def single(self, decoding: CachedDecoding, prompt: Tensor) -> GenerateEncoderDecoderOutput:
        """Greedy search, or sampling of independent hypotheses."""
        config = self.config
        eos = torch.tensor(config.eos_ids, device=prompt.device)
        ids = prompt.repeat_interleave(decoding.hypotheses, dim=0)
        open_rows = torch.ones(len(ids), dtype=torch.bool, device=ids.device)
        logits = decoding.prompt(prompt)
        if self.streamer is not None:
            self.streamer.put(prompt.cpu())
        while True:
            scores = self._processed(ids, logits)
            tokens = torch.multinomial(scores.softmax(-1), 1)[:, 0] if config.do_sample else scores.argmax(-1)
            if config.eos_ids:
                assert config.pad_token_id is not None
                tokens = torch.where(open_rows, tokens, config.pad_token_id)
                open_rows &= ~torch.isin(tokens, eos)
            ids = torch.cat([ids, tokens[:, None]], dim=1)
            if self.streamer is not None:
                self.streamer.put(tokens.cpu())
            if not bool(open_rows.any()) or self._stops(ids):
                if self.streamer is not None:
                    self.streamer.end()
                return GenerateEncoderDecoderOutput(ids, tuple(self.scores) if self.keep_scores else None)
            logits = decoding.step(tokens)

    def beams(self, decoding: CachedDecoding, prompt: Tensor) -> GenerateBeamEncoderDecoderOutput:
        """Beam search, with the best continuations or with continuations drawn at random."""
        config = self.config
        if config.pad_token_id is None:
            raise InputError("Beam search needs a pad_token_id.")
        beams = decoding.hypotheses
        search = BeamSearch(
            prompt,
            beams,
            max_length=config.max_length,
            length_penalty=config.length_penalty,
            early_stopping=config.early_stopping,
            eos_ids=config.eos_ids,
            pad_id=config.pad_token_id,
        )
        ids = prompt.repeat_interleave(beams, dim=0)
        totals = torch.zeros(len(prompt), beams, device=prompt.device)
        if not config.do_sample:
            # All beams are still alike: continue the first only.
            totals[:, 1:] = -1e9
        logits = decoding.prompt(prompt)
        while True:
            scores = self._processed(ids, F.log_softmax(logits, dim=-1))
            vocabulary = scores.shape[-1]
            sums = (scores + totals.view(-1, 1)).view(len(prompt), beams * vocabulary)
            if config.do_sample:
                drawn = torch.multinomial(sums.softmax(-1), 2 * beams)
                best, order = sums.gather(1, drawn).sort(descending=True, dim=1)
                flat = drawn.gather(1, order)
            else:
                best, flat = largest(sums, search.candidates)
            choice = search.advance(best, flat % vocabulary, flat // vocabulary)
            totals = choice.scores
            ids = torch.cat([ids[choice.origins], choice.tokens[:, None]], dim=1)
            if all(search.done) or self._stops(ids):
                return self._beam_output(search.close(config.num_return_sequences), ids)
            logits = decoding.step(choice.tokens, choice.origins % beams)

    def _processed(self, ids: Tensor, scores: Tensor) -> Tensor:
        for process in (*self.process, *self.warp):
            scores = process(ids, scores)
        if self.keep_scores:
            self.scores.append(scores)
        return scores

    def _stops(self, ids: Tensor) -> bool:
        config = self.config
        if ids.shape[1] >= config.max_length:
            return True
        if config.max_time is not None and time.monotonic() - self.started > config.max_time:
            return True
        scores = self.scores if self.keep_scores else None
        return any(bool(torch.as_tensor(criterion(ids, scores)).all()) for criterion in self.stopping_criteria)

    def _beam_output(self, found: list[list[Hypothesis]], ids: Tensor) -> GenerateBeamEncoderDecoderOutput:
        config = self.config
        best = [hypothesis for utterance in found for hypothesis in utterance]
        longest = max(len(hypothesis.tokens) for hypothesis in best)
        length = min(longest + 1, config.max_length)
        pad = config.pad_token_id
        assert pad is not None
        sequences = torch.full((len(best), length), pad, dtype=torch.long, device=ids.device)
        beams = torch.full((len(best), length), -1, dtype=torch.long, device=ids.device)
        for row, hypothesis in enumerate(best):
            sequences[row, : len(hypothesis.tokens)] = ids.new_tensor(hypothesis.tokens)
            beams[row, : len(hypothesis.beams)] = ids.new_tensor(hypothesis.beams)
            if len(hypothesis.tokens) < length and config.eos_ids:
                sequences[row, len(hypothesis.tokens)] = config.eos_ids[0]
        if not self.keep_scores:
            return GenerateBeamEncoderDecoderOutput(sequences)
        totals = torch.tensor([hypothesis.score for hypothesis in best], device=ids.device)
        return GenerateBeamEncoderDecoderOutput(sequences, totals, tuple(self.scores), beams)


def _has_options(config: ModelConfig) -> bool:
    return any(getattr(config, name, default) != default for name, default in GENERATION_DEFAULTS.items())


def _kept(kept: Kept, wanted: Wanted) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if wanted.attentions:
        found["decoder_attentions"] = tuple(kept.attentions)
    if wanted.attentions or wanted.cross_attentions:
        found["cross_attentions"] = tuple(kept.cross_attentions)
    if wanted.hidden_states:
        found["decoder_hidden_states"] = tuple(kept.hidden_states)
    return found


def _ordinary(value: Any) -> Any:
    """Copies of tensors made in inference mode, in whatever tuples, that may take part in training."""
    return value.clone() if isinstance(value, Tensor) else tuple(map(_ordinary, value))
