"""What changes the scores of the next token before one is chosen. Knows nothing of models.

A processor takes the tokens so far `(rows, length)` and the scores `(rows, vocabulary)` and returns new scores. The
order in which `processors` and `warpers` list them is that of transformers 4.37.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from s2t2_live.errors import InputError, TokenInputError
from s2t2_live.speech2text2.generation_config import GenerationConfig

Processor = Callable[[Tensor, Tensor], Tensor]
AllowedTokens = Callable[[int, Tensor], list[int]]


def processors(
    config: GenerationConfig,
    prompt_length: int,
    allowed_tokens: AllowedTokens | None = None,
    custom: Sequence[Processor] = (),
) -> list[Processor]:
    """The processors that the options ask for, in every kind of search."""
    eos = config.eos_ids
    found: list[Processor] = []
    if config.sequence_bias:
        found.append(bias_sequences(config.sequence_bias))
    if config.repetition_penalty not in (None, 1.0):
        found.append(penalize_repetition(config.repetition_penalty))
    if config.no_repeat_ngram_size:
        found.append(forbid_repeated_ngrams(config.no_repeat_ngram_size))
    if config.bad_words_ids is not None:
        words = [tuple(word) for word in config.bad_words_ids if not (len(word) == 1 and word[0] in eos)]
        found.append(bias_sequences(dict.fromkeys(words, -math.inf)))
    if config.min_length and eos:
        found.append(forbid_while_shorter(config.min_length, eos))
    if config.min_new_tokens and eos:
        found.append(forbid_while_shorter(prompt_length + config.min_new_tokens, eos))
    if allowed_tokens is not None:
        found.append(allow_only(allowed_tokens, config.num_beams))
    if config.forced_bos_token_id is not None:
        found.append(force_at(1, [config.forced_bos_token_id]))
    if config.forced_eos_token_id is not None:
        forced = config.forced_eos_token_id
        found.append(force_at(config.max_length - 1, forced if isinstance(forced, list) else [forced]))
    if config.remove_invalid_values:
        found.append(make_finite)
    if config.exponential_decay_length_penalty is not None:
        start, factor = config.exponential_decay_length_penalty
        found.append(favour_end(prompt_length + start, factor, eos))
    if config.suppress_tokens is not None:
        found.append(forbid(config.suppress_tokens))
    if config.begin_suppress_tokens is not None:
        late = prompt_length == 1 and config.forced_bos_token_id is not None
        found.append(forbid(config.begin_suppress_tokens, only_at=prompt_length + late))
    found.extend(custom)
    if config.renormalize_logits:
        found.append(normalize)
    return found


def warpers(config: GenerationConfig) -> list[Processor]:
    """The processors that shape a distribution for sampling."""
    least = len(config.eos_ids or [0]) + 1 if config.num_beams > 1 else 1
    found: list[Processor] = []
    if config.temperature not in (None, 1.0):
        temperature = config.temperature
        found.append(lambda ids, scores: scores / temperature)
    if config.top_k:
        found.append(keep_top_k(max(config.top_k, least)))
    if config.top_p is not None and config.top_p < 1.0:
        found.append(keep_top_p(config.top_p, least))
    if config.typical_p is not None and config.typical_p < 1.0:
        found.append(keep_typical(config.typical_p, least))
    if config.epsilon_cutoff:
        found.append(cut_off(config.epsilon_cutoff, least, by_entropy=False))
    if config.eta_cutoff:
        found.append(cut_off(config.eta_cutoff, least, by_entropy=True))
    if config.renormalize_logits:
        found.append(normalize)
    return found


def bias_sequences(biases: dict[tuple[int, ...], float]) -> Processor:
    """Adds a bias to the token that completes a sequence."""
    if any(not sequence or min(sequence) < 0 for sequence in biases):
        raise TokenInputError("A biased or forbidden sequence must be a list of token ids, at least one.")

    def process(ids: Tensor, scores: Tensor) -> Tensor:
        bias = torch.zeros_like(scores)
        _check([token for sequence in biases for token in sequence], scores)
        for (*start, last), value in biases.items():
            if len(start) < ids.shape[1]:
                matches = (ids[:, ids.shape[1] - len(start) :] == ids.new_tensor(start)).all(1)
                bias[matches, last] += value
        return scores + bias

    return process


def penalize_repetition(penalty: float) -> Processor:
    """Makes tokens that have come up less likely (Keskar et al. 2019, https://arxiv.org/abs/1909.05858)."""

    def process(ids: Tensor, scores: Tensor) -> Tensor:
        seen = scores.gather(1, ids)
        return scores.scatter(1, ids, torch.where(seen < 0, seen * penalty, seen / penalty))

    return process


def forbid_repeated_ngrams(size: int) -> Processor:
    """Forbids tokens that would complete an n-gram that has come up."""

    def process(ids: Tensor, scores: Tensor) -> Tensor:
        scores = scores.clone()
        for row, tokens in enumerate(ids.tolist()):
            start = tokens[len(tokens) - size + 1 :]
            for i in range(len(tokens) - size + 1):
                if tokens[i : i + size - 1] == start:
                    scores[row, tokens[i + size - 1]] = -math.inf
        return scores

    return process


def forbid(tokens: Sequence[int], only_at: int | None = None) -> Processor:
    """Forbids tokens, always or only as the token of index `only_at`."""

    def process(ids: Tensor, scores: Tensor) -> Tensor:
        if only_at is not None and ids.shape[1] != only_at:
            return scores
        _check(tokens, scores)
        return scores.index_fill(1, torch.tensor(tokens, device=scores.device), -math.inf)

    return process


def forbid_while_shorter(length: int, tokens: Sequence[int]) -> Processor:
    """Forbids tokens while the sequence is shorter than `length`."""
    forbidden = forbid(tokens)
    return lambda ids, scores: forbidden(ids, scores) if ids.shape[1] < length else scores


def allow_only(allowed: AllowedTokens, beams: int) -> Processor:
    """Allows only what `allowed(utterance, tokens)` lists."""

    def process(ids: Tensor, scores: Tensor) -> Tensor:
        result = torch.full_like(scores, -math.inf)
        for row, tokens in enumerate(ids):
            keep = allowed(row // beams, tokens)
            if not keep:
                raise InputError(f"prefix_allowed_tokens_fn allows no token for utterance {row // beams}.")
            result[row, keep] = scores[row, keep]
        return result

    return process


def force_at(length: int, tokens: Sequence[int]) -> Processor:
    """Forces one of `tokens` when the sequence has that length."""

    def process(ids: Tensor, scores: Tensor) -> Tensor:
        if ids.shape[1] != length:
            return scores
        _check(tokens, scores)
        return torch.full_like(scores, -math.inf).index_fill(1, torch.tensor(tokens, device=scores.device), 0.0)

    return process


def make_finite(ids: Tensor, scores: Tensor) -> Tensor:
    """Replaces NaN by 0 and infinities by the type's limits."""
    return torch.nan_to_num(scores, nan=0.0)


def favour_end(start: int, factor: float, eos: Sequence[int]) -> Processor:
    """Raises the end's score exponentially with the length past `start`."""

    def process(ids: Tensor, scores: Tensor) -> Tensor:
        past = ids.shape[1] - start
        if past <= 0:
            return scores
        _check(eos, scores)
        scores = scores.clone()
        for token in eos:
            scores[:, token] += scores[:, token].abs() * (factor**past - 1)
        return scores

    return process


def keep_top_k(k: int) -> Processor:
    """Keeps the k best tokens, and those that tie with the last of them."""

    def process(ids: Tensor, scores: Tensor) -> Tensor:
        threshold = scores.topk(min(k, scores.shape[-1])).values[..., -1:]
        return scores.masked_fill(scores < threshold, -math.inf)

    return process


def keep_top_p(p: float, least: int) -> Processor:
    """Keeps the fewest best tokens with a total probability of p (https://arxiv.org/abs/1904.09751)."""

    def process(ids: Tensor, scores: Tensor) -> Tensor:
        ascending, order = scores.sort()
        remove = ascending.softmax(-1).cumsum(-1) <= 1 - p
        remove[..., -least:] = False
        return scores.masked_fill(remove.scatter(1, order, remove), -math.inf)

    return process


def keep_typical(mass: float, least: int) -> Processor:
    """Keeps tokens whose information is near the entropy, of that total mass (https://arxiv.org/abs/2202.00666)."""

    def process(ids: Tensor, scores: Tensor) -> Tensor:
        log_p = scores.log_softmax(-1)
        entropy = -(log_p * log_p.exp()).nansum(-1, keepdim=True)
        distance, order = (-log_p - entropy).abs().sort()
        total = scores.gather(-1, order).softmax(-1).cumsum(-1)
        last = (total < mass).sum(1, keepdim=True).clamp(max=scores.shape[-1] - 1)
        remove = distance > distance.gather(1, last)
        remove[..., :least] = False
        return scores.masked_fill(remove.scatter(1, order, remove), -math.inf)

    return process


def cut_off(epsilon: float, least: int, by_entropy: bool) -> Processor:
    """Drops tokens below a probability: epsilon, or eta which falls with the entropy (https://arxiv.org/abs/2210.15191)."""

    def process(ids: Tensor, scores: Tensor) -> Tensor:
        p = scores.softmax(-1)
        threshold: Tensor | float = epsilon
        if by_entropy:
            entropy = torch.distributions.Categorical(logits=scores).entropy()[:, None]
            threshold = (math.sqrt(epsilon) * torch.exp(-entropy)).clamp(max=epsilon)
        best = scores.topk(min(least, scores.shape[-1])).values[..., -1:]
        return scores.masked_fill((p < threshold) & (scores < best), -math.inf)

    return process


def normalize(ids: Tensor, scores: Tensor) -> Tensor:
    return scores.log_softmax(-1)


def _check(tokens: Sequence[int], scores: Tensor) -> None:
    size = scores.shape[-1]
    wrong = [token for token in tokens if not 0 <= token < size]
    if wrong:
        raise TokenInputError(f"The option's token id {wrong[0]} is outside of the vocabulary of {size}.")
