"""The bookkeeping of beam search: which hypotheses go on, which are finished, and when to stop.

Knows nothing of models. The rules are those of transformers 4.37.2, ties included.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from s2t2_live.errors import InputError

_WIDTHS = (64, 72, 56, 80, 48, 40, *range(33, 96))
"""Of a block of sums whose largest is looked at first; the first that leaves no rest is taken."""


class Hypothesis(NamedTuple):
    """A finished token sequence, prompt included and end excluded.

    `score` is the sum of log-probabilities over `length ** length_penalty`, where the length counts the new tokens and
    the end. `beams` is the beam that each new token came from, counted over the whole batch.
    """

    score: float
    tokens: list[int]
    beams: list[int]


class Choice(NamedTuple):
    """What the next step runs, each `(batch * beams,)`."""

    tokens: Tensor
    origins: Tensor
    scores: Tensor


@dataclass
class Finished:
    """The best finished hypotheses of one utterance, in the order in which they were finished."""

    size: int
    length_penalty: float
    early_stopping: bool | str
    max_new_tokens: int
    hypotheses: list[Hypothesis] = field(default_factory=list)
    worst: float = 1e9

    def add(self, total: float, length: int, tokens: list[int], beams: list[int]) -> None:
        """Keeps the hypothesis if there is room or if it beats the worst."""
        score = total / length**self.length_penalty
        if len(self.hypotheses) < self.size:
            self.hypotheses.append(Hypothesis(score, tokens, beams))
            self.worst = min(score, self.worst)
        elif score > self.worst:
            self.hypotheses.append(Hypothesis(score, tokens, beams))
            ranked = sorted((h.score, i) for i, h in enumerate(self.hypotheses))
            del self.hypotheses[ranked[0][1]]
            self.worst = ranked[1][0]

    def is_done(self, best_total: float, length: int) -> bool:
        """Whether no open hypothesis can still come in, given the best sum of log-probabilities among them."""
        if len(self.hypotheses) < self.size:
            return False
        if self.early_stopping is True:
            return True
        if self.early_stopping == "never" and self.length_penalty > 0.0:
            length = self.max_new_tokens
        return self.worst >= best_total / length**self.length_penalty

    def best(self, count: int) -> list[Hypothesis]:
        """The `count` best, best first; of equals the later."""
        return sorted(self.hypotheses, key=lambda h: h.score)[::-1][:count]


class BeamSearch:
    """Chooses, step by step, the tokens of a batch of utterances."""

    def __init__(
        self,
        prompt: Tensor,
        beams: int,
        *,
        max_length: int,
        length_penalty: float,
        early_stopping: bool | str,
        eos_ids: list[int],
        pad_id: int,
    ) -> None:
        """`prompt` is `(batch, length)`."""
        self.beams = beams
        self.eos_ids = eos_ids
        self.pad_id = pad_id
        self.prompt_length = prompt.shape[1]
        self.sequences = [list(row) for row in prompt.tolist() for _ in range(beams)]
        self.origins: list[list[int]] = [[] for _ in self.sequences]
        self.scores: list[float] = [0.0] * len(self.sequences)
        self.finished = [
            Finished(beams, length_penalty, early_stopping, max_length - self.prompt_length) for _ in range(len(prompt))
        ]
        self.done = [False] * len(prompt)

    @property
    def candidates(self) -> int:
        """How many continuations a step needs for each utterance, so that enough of them are not the end."""
        return max(2, 1 + len(self.eos_ids)) * self.beams

    def advance(self, totals: Tensor, tokens: Tensor, beams: Tensor) -> Choice:
        """Takes the best continuations of each utterance, best first, and returns what to run next.

        Args:
            totals: `(batch, candidates)`, sums of log-probabilities.
            tokens: `(batch, candidates)`, the tokens.
            beams: `(batch, candidates)`, the beam of the utterance that each continues.

        Raises:
            InputError: too few of the continuations are not the end, which 4.37.2 refuses too.
        """
        length = len(self.sequences[0]) + 1 - self.prompt_length
        chosen: list[tuple[int, int, float]] = []
        for i, (row_totals, row_tokens, row_beams) in enumerate(
            zip(totals.tolist(), tokens.tolist(), beams.tolist(), strict=True)
        ):
            if self.done[i]:
                chosen += [(self.pad_id, 0, 0.0)] * self.beams
                continue
            going_on: list[tuple[int, int, float]] = []
            for rank, (total, token, beam) in enumerate(zip(row_totals, row_tokens, row_beams, strict=True)):
                origin = i * self.beams + beam
                if token not in self.eos_ids:
                    going_on.append((token, origin, total))
                elif rank < self.beams:
                    self.finished[i].add(total, length, self.sequences[origin], [*self.origins[origin], origin])
                if len(going_on) == self.beams:
                    break
            if len(going_on) < self.beams:
                raise InputError(
                    f"Only {len(going_on)} of {len(row_tokens)} continuations do not end the sequence, too few for "
                    f"{self.beams} beams; allow more tokens."
                )
            chosen += going_on
            self.done[i] = self.finished[i].is_done(max(row_totals), length)
        self.sequences = [[*self.sequences[origin], token] for token, origin, _ in chosen]
        self.origins = [[*self.origins[origin], origin] for _, origin, _ in chosen]
        self.scores = [total for _, _, total in chosen]
        device = totals.device
        return Choice(
            torch.tensor([token for token, _, _ in chosen], device=device),
            torch.tensor([origin for _, origin, _ in chosen], device=device),
            torch.tensor(self.scores, device=device),
        )

    def close(self, count: int) -> list[list[Hypothesis]]:
        """The `count` best hypotheses of each utterance, after adding those that are still open."""
        length = len(self.sequences[0]) - self.prompt_length
        for i, finished in enumerate(self.finished):
            if not self.done[i]:
                for row in range(i * self.beams, (i + 1) * self.beams):
                    finished.add(self.scores[row], length, self.sequences[row], self.origins[row])
        return [finished.best(count) for finished in self.finished]


def largest(sums: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest of each row of `(batch, sums)`, largest first, and their indices.

    As `topk`, whose order of equals is undefined; of many sums faster, because only blocks with one of the largest
    maxima can hold one of the largest sums.
    """
    size = sums.shape[1]
    width = next((width for width in _WIDTHS if size % width == 0), size)
    if size > 32 * count * width:
        blocks = sums.view(len(sums), -1, width)
        picked = blocks.amax(2).topk(count).indices
        found, places = blocks.gather(1, picked[:, :, None].expand(-1, -1, width)).flatten(1).topk(count)
        return found, picked.gather(1, places // width) * width + places % width
    return sums.topk(count)
