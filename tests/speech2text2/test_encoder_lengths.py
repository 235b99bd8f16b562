"""Audio of any length is computed in few shapes, because each costs time and memory, and that changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from s2t2_live import HubertConfig, HubertModel, Wav2Vec2Config, Wav2Vec2Model
from s2t2_live.speech2text2.linear import Projection
from s2t2_live.speech2text2.speech_encoder import SpeechEncoder

PREPARED = ("mkldnn._linear_pointwise", "aten.convolution", "aten.gelu")
"""What oneDNN computes."""
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "conv_dim": (16, 16),
    "conv_kernel": (20, 4),
    "conv_stride": (10, 4),
    "num_conv_pos_embeddings": 6,
    "num_conv_pos_embedding_groups": 2,
    "num_feat_extract_layers": 2,
}


class Shapes(TorchDispatchMode):
    """Writes down in which shapes oneDNN is called."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[tuple[Any, ...]] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        if str(func).rpartition(".")[0] in PREPARED:
            shapes = tuple(tuple(x.shape) for x in args if isinstance(x, Tensor) and x.layout is torch.strided)
            self.seen.add((str(func), *shapes))
        return func(*args, **(kwargs or {}))


def encoder(**options: Any) -> SpeechEncoder:
    torch.manual_seed(0)
    kind: tuple[Any, Any] = (Wav2Vec2Model, Wav2Vec2Config)
    if options.pop("hubert", False):
        kind = (HubertModel, HubertConfig)
    model: SpeechEncoder = kind[0](kind[1](**SIZES | options)).eval()
    return model


def audio(frames: int) -> Tensor:
    """That gives so many frames, with some samples to spare."""
    return torch.randn(1, 50 + 40 * (frames - 1) + frames % 40, generator=torch.Generator().manual_seed(frames))


def shapes(model: SpeechEncoder, frames: int) -> set[tuple[Any, ...]]:
    with torch.no_grad(), Shapes() as found:
        assert model(audio(frames)).last_hidden_state.shape[1] == frames
    return found.seen


def test_lengths_share_the_shapes_of_their_products() -> None:
    model = encoder(feat_extract_norm="layer")
    assert {name.rpartition(".")[0] for name, *_ in shapes(model, 128)} == set(PREPARED)
    assert shapes(model, 121) == shapes(model, 125) == shapes(model, 128) != shapes(model, 129)


def test_prompts_share_the_shapes_of_their_products() -> None:
    projection = Projection(torch.nn.Linear(32, 8))
    seen = []
    for rows in (17, 20, 24, 25):
        with torch.no_grad(), Shapes() as found:
            assert len(projection(torch.randn(rows, 32))) == rows
        seen.append(found.seen)
    assert seen[0] == seen[1] == seen[2] != seen[3]


@pytest.mark.parametrize(
    "options",
    [
        {"feat_extract_norm": "layer", "do_stable_layer_norm": True},
        {"feat_extract_norm": "layer", "do_stable_layer_norm": False, "add_adapter": True},
        {"feat_extract_norm": "group"},
        {"feat_extract_norm": "layer", "hubert": True},
    ],
)
@pytest.mark.parametrize("frames", [1, 63, 64, 65, 150])
def test_nothing_is_changed_by_it(options: dict[str, Any], frames: int) -> None:
    """Where a gradient is wanted, nothing is filled up."""
    model = encoder(**options)
    samples = audio(frames).repeat(2, 1)
    mask = torch.ones_like(samples)
    mask[1, samples.shape[1] // 2 + 30 :] = 0
    for attention_mask in (None, mask):
        plain = model(samples, attention_mask, output_hidden_states=True, output_attentions=True)
        with torch.no_grad():
            found = model(samples, attention_mask, output_hidden_states=True, output_attentions=True)
            fused = model(samples, attention_mask)
        assert torch.is_grad_enabled()
        valid = slice(None) if attention_mask is None else slice(0, 1)
        for one, other in (
            (found.last_hidden_state, plain.last_hidden_state),
            (fused.last_hidden_state[valid], plain.last_hidden_state[valid]),
            *zip(found.hidden_states, plain.hidden_states, strict=True),
            *zip(found.attentions, plain.attentions, strict=True),
        ):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
