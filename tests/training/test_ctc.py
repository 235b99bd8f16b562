"""The auxiliary CTC head."""

import pytest
import torch

from s2t2_live.training.ctc import ALPHABET, CTCHead, encode_characters


def test_text_becomes_lower_case_letters() -> None:
    indices = encode_characters("Twenty-five euros, don't you?")
    assert "".join(ALPHABET[index] for index in indices) == "twenty five euros don't you"


def test_transcribe_joins_repeats_and_drops_blanks_and_padding() -> None:
    head = CTCHead(4)
    path = "__hhe_ll_lo__xxxx"
    log_probabilities = torch.full((1, len(path), len(ALPHABET)), -9.0)
    for frame, character in enumerate(path):
        log_probabilities[0, frame, ALPHABET.index(character)] = 0.0
    head.forward = lambda states: log_probabilities  # type: ignore[method-assign]
    assert head.transcribe(torch.empty(1, 0, 4), torch.tensor([6])) == ["hello"]


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
