"""German text as label ids for the decoder. Knows neither audio nor models."""

from __future__ import annotations

from s2t2_live.speech2text2.tokenizer import Speech2Text2Tokenizer
from s2t2_live.training.bpe import separate_punctuation


class TextEncoder:
    """Turns a sentence into token ids with the end of sentence; remembers sentences that it has seen."""

    def __init__(self, tokenizer: Speech2Text2Tokenizer) -> None:
        """Where the full stop is a word of the vocabulary, punctuation marks are words of the target."""
        self.tokenizer = tokenizer
        self._separate = "." in tokenizer.get_vocab()
        self._seen: dict[str, list[int]] = {}

    def encode(self, german: str) -> list[int]:
        """Token ids, `</s>` at the end."""
        ids = self._seen.get(german)
        if ids is None:
            spaced = separate_punctuation(german) if self._separate else german
            ids = [*self.tokenizer(spaced, add_special_tokens=False).input_ids, self.tokenizer.eos_token_id]
            self._seen[german] = ids
        return ids

    def decode(self, ids: list[int]) -> str:
        """The text, without special tokens."""
        return self.tokenizer.decode(ids, skip_special_tokens=True)
