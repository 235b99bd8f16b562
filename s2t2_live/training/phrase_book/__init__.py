"""Sentence pairs of everyday English and German: a slot grammar and sentences written one by one."""

from s2t2_live.training.phrase_book.book import Phrase, PhraseBook

__all__ = ["Phrase", "PhraseBook"]
