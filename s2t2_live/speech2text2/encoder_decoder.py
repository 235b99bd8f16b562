"""A speech encoder and the Speech2Text2 decoder as one model: audio in, token scores out. Knows nothing of text."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from torch import Tensor, nn

from s2t2_live.errors import CheckpointError, InputError
from s2t2_live.speech2text2.config import HubertConfig, SpeechEncoderDecoderConfig, Wav2Vec2Config
from s2t2_live.speech2text2.decoder import Speech2Text2ForCausalLM
from s2t2_live.speech2text2.generation import Generator
from s2t2_live.speech2text2.hub import resolve_model_folder, split_hub_options
from s2t2_live.speech2text2.hubert import HubertModel
from s2t2_live.speech2text2.json_files import read_object
from s2t2_live.speech2text2.linear import linear
from s2t2_live.speech2text2.model_config import CONFIG_FILE, ModelConfig
from s2t2_live.speech2text2.outputs import EncoderOutput, LayerCache, Seq2SeqLMOutput
from s2t2_live.speech2text2.pretrained import PretrainedModel
from s2t2_live.speech2text2.speech_encoder import SpeechEncoder
from s2t2_live.speech2text2.wav2vec2 import Wav2Vec2Model

ENCODERS: dict[str, type[Wav2Vec2Model] | type[HubertModel]] = {
    Wav2Vec2Config.model_type: Wav2Vec2Model,
    HubertConfig.model_type: HubertModel,
}


class SpeechEncoderDecoderModel(Generator, PretrainedModel):
    """Made of a configuration, with random weights, or of an encoder and a decoder.

    The parts share this model's configuration, so that a change to one is seen by the other.
    """

    config_class: ClassVar[type[ModelConfig]] = SpeechEncoderDecoderConfig
    config: SpeechEncoderDecoderConfig
    encoder: SpeechEncoder
    decoder: Speech2Text2ForCausalLM

    def __init__(
        self,
        config: SpeechEncoderDecoderConfig | None = None,
        encoder: SpeechEncoder | None = None,
        decoder: Speech2Text2ForCausalLM | None = None,
    ) -> None:
        if config is None:
            if encoder is None or decoder is None:
                raise InputError("Give either a configuration or both an encoder and a decoder.")
            config = SpeechEncoderDecoderConfig.from_encoder_decoder_configs(
                encoder.config,  # type: ignore[arg-type]
                decoder.config,
            )
        config.tie_word_embeddings = False
        super().__init__(config)
        self.encoder = encoder if encoder is not None else ENCODERS[config.encoder.model_type](config.encoder)  # type: ignore[arg-type]
        self.decoder = decoder if decoder is not None else Speech2Text2ForCausalLM(config.decoder)
        self.encoder.config = config.encoder
        config.decoder = self.decoder.config if decoder is None else config.decoder
        self.decoder.config = config.decoder
        if self._needs_projection():
            self.enc_to_dec_proj: nn.Linear | None = nn.Linear(self.encoder.output_size, config.decoder.d_model)
        else:
            self.enc_to_dec_proj = None
        self.derive_generation_config()

    def _needs_projection(self) -> bool:
        size = self.config.decoder.d_model
        declared = getattr(self.config.encoder, "output_hidden_size", self.config.encoder.hidden_size)
        asked_for = declared != size and self.config.decoder.cross_attention_hidden_size is None
        return asked_for or self.encoder.output_size != size

    def get_encoder(self) -> SpeechEncoder:
        return self.encoder

    def get_decoder(self) -> Speech2Text2ForCausalLM:
        return self.decoder

    def freeze_feature_encoder(self) -> None:
        """Takes the convolutions over the waveform out of training."""
        self.encoder.freeze_feature_encoder()

    def is_tied(self, name: str) -> bool:
        return self.decoder.is_tied(name.removeprefix("decoder.")) if name.startswith("decoder.") else False

    def tie_weights(self) -> None:
        self.decoder.tie_weights()

    def prepare_tensors(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        prefix = "decoder."
        own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        self.decoder.prepare_tensors(own)
        return tensors

    @classmethod
    def from_encoder_decoder_pretrained(
        cls,
        encoder_pretrained_model_name_or_path: str | os.PathLike[str] | None = None,
        decoder_pretrained_model_name_or_path: str | os.PathLike[str] | None = None,
        **named: Any,
    ) -> Self:
        """Joins two pretrained models; where their sizes differ the projection between them is drawn at random.

        Arguments that start with `encoder_` or `decoder_` go to the `from_pretrained` of that part; `encoder_model` or
        `decoder_model` is the part itself. The others are fields of the whole configuration.

        Raises:
            InputError: a part is neither named nor given.
            CheckpointError: as `from_pretrained`.
        """
        parts: dict[str, dict[str, Any]] = {"encoder_": {}, "decoder_": {}}
        rest: dict[str, Any] = {}
        for name, value in named.items():
            prefix = name[: len("encoder_")]
            if prefix in parts:
                parts[prefix][name.removeprefix(prefix)] = value
            else:
                rest[name] = value
        encoder = parts["encoder_"].pop("model", None)
        decoder = parts["decoder_"].pop("model", None)
        if encoder is None:
            source = _named(encoder_pretrained_model_name_or_path, "encoder")
            encoder = _encoder_class(source, parts["encoder_"]).from_pretrained(source, **parts["encoder_"])
        if decoder is None:
            source = _named(decoder_pretrained_model_name_or_path, "decoder")
            decoder = Speech2Text2ForCausalLM.from_pretrained(source, **parts["decoder_"])
        config = SpeechEncoderDecoderConfig.from_encoder_decoder_configs(encoder.config, decoder.config, **rest)
        return cls(config=config, encoder=encoder, decoder=decoder)

    def project(self, hidden_states: Tensor) -> Tensor:
        """The encoder's output in the decoder's size."""
        return hidden_states if self.enc_to_dec_proj is None else linear(self.enc_to_dec_proj, hidden_states)

    def prepare_decoder_input_ids_from_labels(self, labels: Tensor) -> Tensor:
        """The decoder's input for `labels` `(batch, length)`: the start token, then all labels but the last.

        Raises:
            InputError: the configuration lacks `decoder_start_token_id` or `pad_token_id`.
        """
        start, pad = self.config.decoder_start_token_id, self.config.pad_token_id
        for name, value in (("decoder_start_token_id", start), ("pad_token_id", pad)):
            if value is None:
                raise InputError(f"Set model.config.{name} before giving labels.")
        assert start is not None
        assert pad is not None
        shifted = labels.new_full(labels.shape, start)
        shifted[:, 1:] = labels[:, :-1]
        return shifted.masked_fill(shifted == -100, pad)

    def forward(
        self,
        inputs: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: EncoderOutput | Sequence[Any] | None = None,
        past_key_values: Sequence[LayerCache] | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        input_values: Tensor | None = None,
        input_features: Tensor | None = None,
        return_dict: bool | None = None,
        **named: Any,
    ) -> Seq2SeqLMOutput | tuple[Any, ...]:
        """Scores every next token of a translation.

        Args:
            inputs, input_values, input_features: the audio, `(batch, samples)`; names for one argument.
            attention_mask: `(batch, samples)`, 1 where the audio is valid.
            decoder_input_ids: `(batch, length)`; made of `labels` if None.
            encoder_outputs: what the encoder returned for this audio, instead of the audio.
            labels: `(batch, length)`, the expected tokens, -100 where there is none.
            named: further arguments of the encoder and, with the prefix `decoder_`, of the decoder.

        The others are as in `Speech2Text2ForCausalLM.forward`.

        Raises:
            AudioInputError: the audio has the wrong rank, is shorter than one frame, or is not finite.
            TokenInputError: a token id or label is outside of the vocabulary.
            InputError: there is no audio, or it has two names, or labels need an id that the configuration lacks.
        """
        as_dict = self.config.use_return_dict if return_dict is None else return_dict
        for_decoder = {name.removeprefix("decoder_"): v for name, v in named.items() if name.startswith("decoder_")}
        for_encoder = {name: value for name, value in named.items() if not name.startswith("decoder_")}
        if encoder_outputs is None:
            given = [audio for audio in (inputs, input_values, input_features) if audio is not None]
            if not given:
                raise InputError("Give the audio as `inputs` or `input_values`, or `encoder_outputs`.")
            if inputs is None and len(given) > 1:
                raise InputError("Give the audio under one name only, `input_values` or `input_features`.")
            encoded = self.encoder(
                given[0],
                attention_mask=attention_mask,
                output_attentions=output_attentions,
                output_hidden_states=output_hidden_states,
                return_dict=True,
                **for_encoder,
            )
        elif isinstance(encoder_outputs, EncoderOutput):
            encoded = encoder_outputs
        else:
            states, weights = (*encoder_outputs[1:3], None, None)[:2]
            encoded = EncoderOutput(encoder_outputs[0], hidden_states=states, attentions=weights)
        frames = self.project(encoded.last_hidden_state)
        frame_mask = None if attention_mask is None else self.encoder.frame_mask(frames.shape[1], attention_mask)
        if labels is not None and decoder_input_ids is None and decoder_inputs_embeds is None:
            decoder_input_ids = self.prepare_decoder_input_ids_from_labels(labels)
        decoded = self.decoder(
            input_ids=decoder_input_ids,
            attention_mask=decoder_attention_mask,
            encoder_hidden_states=frames,
            encoder_attention_mask=frame_mask,
            inputs_embeds=decoder_inputs_embeds,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            use_cache=use_cache,
            past_key_values=past_key_values,
            return_dict=True,
            **for_decoder,
        )
        loss = None if labels is None else self.decoder.loss(decoded.logits, labels)
        if not as_dict:
            head = () if loss is None else (loss,)
            return head + decoded.to_tuple() + encoded.to_tuple()
        return Seq2SeqLMOutput(
            loss=loss,
            logits=decoded.logits,
            past_key_values=decoded.past_key_values,
            decoder_hidden_states=decoded.hidden_states,
            decoder_attentions=decoded.attentions,
            cross_attentions=decoded.cross_attentions,
            encoder_last_hidden_state=frames,
            encoder_hidden_states=encoded.hidden_states,
            encoder_attentions=encoded.attentions,
        )


def _named(source: str | os.PathLike[str] | None, role: str) -> str | os.PathLike[str]:
    if source is None:
        raise InputError(f"Name the pretrained {role}, or give it as `{role}_model`.")
    return source


def _encoder_class(source: str | os.PathLike[str], named: dict[str, Any]) -> type[Wav2Vec2Model] | type[HubertModel]:
    folder = resolve_model_folder(source, weights=False, **split_hub_options(named)[0])
    model_type = read_object(folder / CONFIG_FILE).get("model_type")
    if model_type not in ENCODERS:
        raise CheckpointError(f"{source} is of model type {model_type!r}; as an encoder: {', '.join(ENCODERS)}.")
    return ENCODERS[model_type]
