"""The Speech2Text2 decoder (Wang et al. 2021, https://arxiv.org/abs/2104.06678): post-norm transformer layers that
attend to their own past and to the encoder's frames. Knows nothing of audio or of search.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from s2t2_live.errors import CheckpointError, InputError, TokenInputError
from s2t2_live.speech2text2.activations import activation
from s2t2_live.speech2text2.attention import Attention, causal_mask, padding_mask
from s2t2_live.speech2text2.batch import round_up
from s2t2_live.speech2text2.cache import GrowingState
from s2t2_live.speech2text2.config import Speech2Text2Config
from s2t2_live.speech2text2.inference import InferenceDecoder
from s2t2_live.speech2text2.linear import linear
from s2t2_live.speech2text2.model_config import ModelConfig
from s2t2_live.speech2text2.outputs import CausalLMOutput, DecoderOutput, LayerCache
from s2t2_live.speech2text2.positions import SinusoidalPositions
from s2t2_live.speech2text2.pretrained import PretrainedModel


@dataclass(frozen=True)
class Masks:
    """What the decoder's layers may see; `self_mask` and `cross_mask` are added to the scores."""

    self_mask: Tensor | None = None
    causal: bool = False
    cross_mask: Tensor | None = None
    head_mask: Tensor | None = None
    cross_head_mask: Tensor | None = None


class DecoderLayer(nn.Module):
    def __init__(self, config: Speech2Text2Config) -> None:
        super().__init__()
        self.dropout = config.dropout
        self.activation_dropout = config.activation_dropout
        self.activation = activation(config.activation_function)
        self.self_attn = Attention(config.d_model, config.decoder_attention_heads, config.attention_dropout)
        self.self_attn_layer_norm = nn.LayerNorm(config.d_model)
        self.encoder_attn = Attention(config.d_model, config.decoder_attention_heads, config.attention_dropout)
        self.encoder_attn_layer_norm = nn.LayerNorm(config.d_model)
        self.fc1 = nn.Linear(config.d_model, config.decoder_ffn_dim)
        self.fc2 = nn.Linear(config.decoder_ffn_dim, config.d_model)
        self.final_layer_norm = nn.LayerNorm(config.d_model)

    def forward(
        self, x: Tensor, state: GrowingState, masks: Masks, output_attentions: bool = False
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """`x` `(batch, length, size)` to the same, and on request the weights of both attentions.

        Without keys and values of the encoder in `state.cross` the layer attends to its own past only.
        """
        keys, values = state.extend(*self.self_attn.keys_and_values(x))
        context, weights = self.self_attn(
            x,
            keys,
            values,
            masks.self_mask,
            causal=masks.causal,
            head_mask=masks.head_mask,
            output_attentions=output_attentions,
        )
        x = self.self_attn_layer_norm(x + self._drop(context))
        weights_across = None
        if state.cross is not None:
            context, weights_across = self.encoder_attn(
                x, *state.cross, masks.cross_mask, head_mask=masks.cross_head_mask, output_attentions=output_attentions
            )
            x = self.encoder_attn_layer_norm(x + self._drop(context))
        inner = F.dropout(self.activation(linear(self.fc1, x)), self.activation_dropout, self.training)
        x = self.final_layer_norm(x + self._drop(linear(self.fc2, inner)))
        return x, weights, weights_across

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)


class Decoder(nn.Module):
    """Token vectors, positions and layers, without the head."""

    def __init__(self, config: Speech2Text2Config) -> None:
        super().__init__()
        if config.pad_token_id is None:
            raise CheckpointError("The decoder's configuration needs a pad_token_id.")
        self.config = config
        self.embed_scale = math.sqrt(config.d_model) if config.scale_embedding else 1.0
        # Not nn.Embedding(…), whose drawing at random on the meta device would import torch's compiler (2 s).
        empty = torch.empty(config.vocab_size, config.d_model)
        self.embed_tokens = nn.Embedding.from_pretrained(empty, freeze=False, padding_idx=config.pad_token_id)
        self.embed_positions = SinusoidalPositions(config.max_target_positions, config.d_model, config.pad_token_id)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))

    def embed(self, ids: Tensor, positions: Tensor, most: int) -> Tensor:
        """Vectors of tokens at `positions`, of which none exceeds `most`."""
        return self.embed_tokens(ids) * self.embed_scale + self.embed_positions(positions, most)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        head_mask: Tensor | None = None,
        cross_attn_head_mask: Tensor | None = None,
        past_key_values: Sequence[LayerCache] | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool = True,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> DecoderOutput:
        """See `Speech2Text2ForCausalLM.forward`."""
        past = past_key_values[0][0].shape[2] if past_key_values else 0
        x = self._inputs(input_ids, inputs_embeds, past)
        masks = self._masks(x, past, attention_mask, encoder_attention_mask)
        for name, mask in (("head_mask", head_mask), ("cross_attn_head_mask", cross_attn_head_mask)):
            if mask is not None and len(mask) != len(self.layers):
                raise InputError(f"{name} must have a row for each of the {len(self.layers)} layers, not {len(mask)}.")
        cache: list[LayerCache] = []
        hidden_states: list[Tensor] = []
        weights: list[Tensor] = []
        cross_weights: list[Tensor] = []
        x = F.dropout(x, self.config.dropout, self.training)
        for i, layer in enumerate(self.layers):
            hidden_states.append(x)
            # LayerDrop (Fan et al. 2019, https://arxiv.org/abs/1909.11556).
            if self.training and torch.rand([]).item() < self.config.decoder_layerdrop:
                continue
            state = self._state(layer, past_key_values[i] if past_key_values else None, encoder_hidden_states)
            layer_masks = Masks(
                masks.self_mask,
                masks.causal,
                masks.cross_mask,
                None if head_mask is None else head_mask[i],
                None if cross_attn_head_mask is None else cross_attn_head_mask[i],
            )
            x, self_weight, cross_weight = layer(x, state, layer_masks, output_attentions)
            if use_cache:
                cache.append(state.as_tuple())
            if self_weight is not None:
                weights.append(self_weight)
            if cross_weight is not None:
                cross_weights.append(cross_weight)
        hidden_states.append(x)
        with_cross = output_attentions and encoder_hidden_states is not None
        return DecoderOutput(
            last_hidden_state=x,
            past_key_values=tuple(cache) if use_cache else None,
            hidden_states=tuple(hidden_states) if output_hidden_states else None,
            attentions=tuple(weights) if output_attentions else None,
            cross_attentions=tuple(cross_weights) if with_cross else None,
        )

    def _inputs(self, ids: Tensor | None, embeds: Tensor | None, past: int) -> Tensor:
        if (ids is None) == (embeds is None):
            raise InputError("Give the decoder either input_ids or inputs_embeds, and not both.")
        if ids is not None:
            ids = ids.view(-1, ids.shape[-1])
            self.check_ids(ids)
            positions = self.embed_positions.position_ids(ids, past)
            return self.embed(ids, positions, past + ids.shape[1] + self.embed_positions.padding_id)
        assert embeds is not None
        first = past + self.embed_positions.padding_id + 1
        positions = torch.arange(first, first + embeds.shape[1], device=embeds.device)
        return embeds + self.embed_positions(positions, first + embeds.shape[1] - 1)

    def check_ids(self, ids: Tensor) -> None:
        """Raises TokenInputError if an id is not in the vocabulary."""
        size = self.embed_tokens.num_embeddings
        if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < size:
            bad = int(ids.min()) if int(ids.min()) < 0 else int(ids.max())
            raise TokenInputError(f"The token id {bad} is outside of the vocabulary of {size}.")

    def _masks(self, x: Tensor, past: int, valid: Tensor | None, encoder_valid: Tensor | None) -> Masks:
        length = x.shape[1]
        self_mask = None if valid is None else padding_mask(valid, x)
        causal = length > 1 and past == 0 and self_mask is None
        if length > 1 and not causal:
            triangle = causal_mask(length, past + length, x)
            # Not a sum, which would overflow to infinity where both masks drop a source.
            self_mask = triangle if self_mask is None else torch.minimum(triangle, self_mask)
        cross_mask = None if encoder_valid is None else padding_mask(encoder_valid, x)
        return Masks(self_mask, causal, cross_mask)

    @staticmethod
    def _state(layer: nn.Module, past: LayerCache | None, frames: Tensor | None) -> GrowingState:
        state = GrowingState(past)
        if frames is None:
            state.cross = None
        elif state.cross is None or state.cross[0].shape[2] != frames.shape[1]:
            state.cross = layer.encoder_attn.keys_and_values(frames)  # type: ignore[operator, union-attr]
        return state


class _Wrapper(nn.Module):
    """A level of the checkpoints' names."""

    def __init__(self, config: Speech2Text2Config) -> None:
        super().__init__()
        self.decoder = Decoder(config)


class Speech2Text2ForCausalLM(PretrainedModel):
    """The decoder with its head over the vocabulary."""

    config_class: ClassVar[type[ModelConfig]] = Speech2Text2Config
    config: Speech2Text2Config

    def __init__(self, config: Speech2Text2Config) -> None:
        config = copy.deepcopy(config)
        config.is_decoder = True
        config.is_encoder_decoder = False
        super().__init__(config)
        self.model = _Wrapper(config)
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self._inference: tuple[tuple[object, ...], InferenceDecoder] | None = None
        self._initialize()
        self.tie_weights()

    @torch.no_grad()
    def _initialize(self) -> None:
        if self.lm_head.weight.is_meta:  # about to be loaded
            return
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=self.config.init_std)
                if isinstance(module, nn.Linear) and module.bias is not None:
                    nn.init.zeros_(module.bias)
        self.model.decoder.embed_tokens.weight[self.config.pad_token_id].zero_()

    def for_inference(self) -> InferenceDecoder:
        """The layers and the head made ready for generation; kept until a weight or the mode changes.

        A change in place through `.data` goes unnoticed until the next call of `train` or `eval`.
        """
        weights = list(self.parameters())
        # In-place updates raise the version, moves and replacements change the address.
        state = tuple((w.data_ptr(), w.dtype, None if w.is_inference() else w._version) for w in weights)
        kept = self._inference
        # Between gradients and their use nothing is kept: a fused optimiser's step raises no version.
        learning = any(w.grad is not None for w in weights)
        if kept is None or kept[0] != state or learning or any(w.is_inference() for w in weights):
            kept = self._inference = None  # there is room for one
            layers = cast("Iterable[DecoderLayer]", self.model.decoder.layers)
            kept = (state, InferenceDecoder(layers, self.lm_head))
            self._inference = None if learning else kept
        return kept[1]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_inference": None}

    def train(self, mode: bool = True) -> Speech2Text2ForCausalLM:
        self._inference = None
        return super().train(mode)

    def get_decoder(self) -> Decoder:
        return self.model.decoder

    def get_input_embeddings(self) -> nn.Embedding:
        return self.model.decoder.embed_tokens

    def get_output_embeddings(self) -> nn.Linear:
        return self.lm_head

    def resize_token_embeddings(
        self, new_num_tokens: int | None = None, pad_to_multiple_of: int | None = None
    ) -> nn.Embedding:
        """Makes room for more tokens, with vectors drawn at random, or drops the last; returns the embeddings."""
        table = self.model.decoder.embed_tokens
        count = table.num_embeddings if new_num_tokens is None else new_num_tokens
        count = round_up(count, pad_to_multiple_of)
        if count != table.num_embeddings:
            table.weight = self._resized(table.weight, count)
            self.lm_head.weight = self._resized(self.lm_head.weight, count)
            self.tie_weights()
            table.num_embeddings = self.lm_head.out_features = self.config.vocab_size = count
        return table

    @torch.no_grad()
    def _resized(self, weight: Tensor, rows: int) -> nn.Parameter:
        resized = nn.init.normal_(weight.new_empty(rows, weight.shape[1]), std=self.config.init_std)
        kept = min(rows, len(weight))
        resized[:kept] = weight[:kept]
        return nn.Parameter(resized, requires_grad=weight.requires_grad)

    def is_tied(self, name: str) -> bool:
        return name == "lm_head.weight" and self.config.tie_word_embeddings

    def tie_weights(self) -> None:
        if self.config.tie_word_embeddings:
            self.lm_head.weight = self.model.decoder.embed_tokens.weight

    def prepare_tensors(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Lets the file decide whether the head is tied: 4.37.2 would overwrite one of two different tables."""
        head, table = tensors.get("lm_head.weight"), tensors.get("model.decoder.embed_tokens.weight")
        if table is not None and (head is None or self.config.tie_word_embeddings):
            self.config.tie_word_embeddings = head is None or (head.shape == table.shape and torch.equal(head, table))
            if not self.config.tie_word_embeddings:
                self.lm_head.weight = nn.Parameter(torch.empty_like(self.lm_head.weight))
        return tensors

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        head_mask: Tensor | None = None,
        cross_attn_head_mask: Tensor | None = None,
        past_key_values: Sequence[LayerCache] | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> CausalLMOutput | tuple[Any, ...]:
        """Scores every next token.

        Args:
            input_ids: `(batch, length)`, only the new ones if `past_key_values` are given.
            attention_mask: `(batch, past + length)`, 0 on tokens that are not to be seen; all are seen if None.
            encoder_hidden_states: `(batch, frames, size)`; without, the layers do not attend to an encoder.
            encoder_attention_mask: `(batch, frames)`, 0 on frames that are not to be seen.
            head_mask, cross_attn_head_mask: `(layers, heads)`, factors of the heads' attention weights.
            past_key_values: for every layer, keys and values of earlier tokens and of the frames.
            inputs_embeds: `(batch, length, size)` instead of `input_ids`, already scaled, at successive positions.
            labels: `(batch, length)`, the expected token at each position, -100 where there is none; not shifted.
            use_cache, output_attentions, output_hidden_states, return_dict: by default as the configuration says.

        Raises:
            TokenInputError: a token id or label is outside of the vocabulary.
            InputError: both or neither of `input_ids` and `inputs_embeds`, or a head mask of the wrong shape.
        """
        if torch.is_grad_enabled():
            self._inference = None  # it may be out of date before it is asked for again
        config = self.config
        output = self.model.decoder(
            input_ids,
            attention_mask,
            encoder_hidden_states,
            encoder_attention_mask,
            head_mask,
            cross_attn_head_mask,
            past_key_values,
            inputs_embeds,
            config.use_cache if use_cache is None else use_cache,
            config.output_attentions if output_attentions is None else output_attentions,
            config.output_hidden_states if output_hidden_states is None else output_hidden_states,
        )
        logits = linear(self.lm_head, output.last_hidden_state)
        result = CausalLMOutput(
            loss=None if labels is None else self.loss(logits, labels),
            logits=logits,
            past_key_values=output.past_key_values,
            hidden_states=output.hidden_states,
            attentions=output.attentions,
            cross_attentions=output.cross_attentions,
        )
        as_dict = config.use_return_dict if return_dict is None else return_dict
        return result if as_dict else result.to_tuple()

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy over the labels that are not -100."""
        self.model.decoder.check_ids(labels[labels != -100])
        return F.cross_entropy(logits.flatten(0, -2), labels.flatten().to(logits.device))
