"""A run that begins with the weights of a shallower checkpoint."""

from __future__ import annotations

import pytest
import torch

from s2t2_live.errors import ModelError
from s2t2_live.speech2text2.encoder_decoder import SpeechEncoderDecoderModel
from s2t2_live.training.demo_model import demo_config
from s2t2_live.training.growth import deepened


def shallow() -> SpeechEncoderDecoderModel:
    """Of two and two layers, with weights as large as those of a trained model."""
    torch.manual_seed(3)
    model = SpeechEncoderDecoderModel(demo_config(20, encoder_layers=2, decoder_layers=2)).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if ".layers." in name and weight.ndim == 2:
                weight.mul_(3)
            elif name.endswith("final_layer_norm.weight"):
                weight.mul_(0.7)
    return model


def outputs(model: SpeechEncoderDecoderModel) -> tuple[torch.Tensor, torch.Tensor]:
    """States of the encoder and logits."""
    audio = torch.randn(2, 16_000, generator=torch.Generator().manual_seed(1))
    ids = torch.tensor([[2, 5, 6, 7], [2, 8, 9, 10]])
    with torch.inference_mode():
        found = model.eval()(inputs=audio, decoder_input_ids=ids)
    return found.encoder_last_hidden_state, found.logits


def test_a_deeper_encoder_computes_the_same() -> None:
    model = shallow()
    deeper = deepened(model, demo_config(20, encoder_layers=5, decoder_layers=2))
    assert len(deeper.encoder.encoder.layers) == 5
    for new, old in zip(outputs(deeper), outputs(model), strict=True):
        torch.testing.assert_close(new, old, atol=1e-5, rtol=1e-5)


def test_a_deeper_decoder_computes_nearly_the_same() -> None:
    model = shallow()
    deeper = deepened(model, demo_config(20, encoder_layers=2, decoder_layers=3))
    (states, logits), (old_states, old_logits) = outputs(deeper), outputs(model)
    torch.testing.assert_close(states, old_states)
    assert not torch.equal(logits, old_logits)
    assert torch.corrcoef(torch.stack((logits.flatten(), old_logits.flatten())))[0, 1] > 0.99


def test_new_layers_learn() -> None:
    deeper = deepened(shallow(), demo_config(20, encoder_layers=3, decoder_layers=3)).train()
    audio = torch.randn(2, 16_000, generator=torch.Generator().manual_seed(1))
    deeper(inputs=audio, labels=torch.tensor([[5, 6, 2], [8, 9, 2]])).loss.backward()
    for name, weight in deeper.named_parameters():
        if name.endswith(("out_proj.weight", "output_dense.weight", "fc2.weight")):
            assert weight.grad is not None, name
            assert weight.grad.abs().sum() > 0, name


@pytest.mark.parametrize(
    "other", [demo_config(20, encoder_layers=1, decoder_layers=2), demo_config(30, encoder_layers=2, decoder_layers=2)]
)
def test_what_cannot_grow_is_said(other: object) -> None:
    with pytest.raises(ModelError, match="cannot"):
        deepened(shallow(), other)  # type: ignore[arg-type]
