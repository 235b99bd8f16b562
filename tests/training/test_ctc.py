"""The auxiliary CTC head."""

import pytest
import torch

from s2t2_live.training.ctc import ALPHABET, CTCHead, encode_characters


def test_text_becomes_lower_case_letters() -> None:
    indices = encode_characters("Twenty-five euros, don't you?")
    assert "".join(ALPHABET[index] for index in indices) == "twenty five euros don't you"


def test_loss_ignores_padding_frames() -> None:
    torch.manual_seed(0)
    head = CTCHead(8)
    states = torch.randn(2, 10, 8)
    characters = torch.tensor([3, 4, 5, 6])
    frames, lengths = torch.tensor([10, 5]), torch.tensor([2, 2])
    loss = head.loss(states, frames, characters, lengths)
    changed = states.clone()
    changed[1, 5:] = 100.0
    assert head.loss(changed, frames, characters, lengths).item() == pytest.approx(loss.item(), rel=1e-6)
    changed[1, 4] = 100.0
    assert head.loss(changed, frames, characters, lengths).item() != pytest.approx(loss.item(), rel=1e-6)
