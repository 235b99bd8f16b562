"""The auxiliary CTC head: English characters from encoder states, dropped when a checkpoint ships.

Connectionist temporal classification: Graves et al. 2006. Joint training: Watanabe et al. 2017, "Hybrid CTC/Attention".
Knows neither audio nor German.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

ALPHABET = "_ abcdefghijklmnopqrstuvwxyz'"
"""Index 0 is the blank."""

_INDEX = {character: index for index, character in enumerate(ALPHABET)}


def encode_characters(english: str) -> list[int]:
    """The text in lower case, as indices of `ALPHABET`; punctuation and hyphens become word boundaries."""
    letters = "".join(character if character in _INDEX and character != "_" else " " for character in english.lower())
    return [_INDEX[character] for character in " ".join(letters.split())]


class CTCHead(nn.Module):
    """Two predictions for each encoder state: characters come faster than one in 40 ms."""

    def __init__(self, hidden_size: int, *, subframes: int = 2) -> None:
        super().__init__()
        self.subframes = subframes
        self.projection = nn.Linear(hidden_size, subframes * len(ALPHABET))

    def forward(self, states: Tensor) -> Tensor:
        """(batch, frames, hidden_size) to log-probabilities (batch, frames * subframes, alphabet), float32."""
        logits = self.projection(states).unflatten(-1, (self.subframes, len(ALPHABET))).flatten(1, 2)
        return logits.float().log_softmax(-1)

    def loss(self, states: Tensor, frames: Tensor, characters: Tensor, character_lengths: Tensor) -> Tensor:
        """Mean negative log-likelihood a character.

        Args:
            states: (batch, frames, hidden_size).
            frames: (batch,), valid frames of each utterance.
            characters: all target indices, one utterance after the other.
            character_lengths: (batch,).
        """
        log_probabilities = self(states).transpose(0, 1)
        total = F.ctc_loss(
            log_probabilities,
            characters,
            frames * self.subframes,
            character_lengths,
            reduction="sum",
            zero_infinity=True,
        )
        return total / character_lengths.sum().clamp_min(1)
