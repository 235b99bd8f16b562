"""English inflection: plurals, articles, verb forms, numbers in words and contractions. Knows nothing of German."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

EnglishPerson = Literal["I", "he", "they"]
"""Agreement class of a subject: "I", third person singular ("he"), or everything that takes "are" ("they")."""

VOWELS = "aeiou"
CONSONANT_SOUND = re.compile(r"(?i)(eu|uni([^nm]|$)|use|usu|one|u[ks] |uk$|uto)")
SILENT_H = re.compile(r"(?i)(hour|honest|honou?r|heir)")

UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}


def plural(singular: str) -> str:
    """Regular plural of the last word; irregular ones are written in the lexicon."""
    if re.search(r"(s|x|z|ch|sh)$", singular):
        return singular + "es"
    if re.search(r"[^aeiou]y$", singular):
        return singular[:-1] + "ies"
    return singular + "s"


def indefinite_article(following: str) -> str:
    """ "a" or "an" by the sound that follows."""
    if SILENT_H.match(following):
        return "an"
    if following[:1].lower() in VOWELS and not CONSONANT_SOUND.match(following):
        return "an"
    return "a"


@dataclass(frozen=True, slots=True)
class EnglishVerb:
    """The five forms of an English verb; "be" has more and is asked through the functions below."""

    base: str
    third: str
    past: str
    participle: str
    ing: str

    @classmethod
    def regular(cls, base: str, past: str = "", participle: str = "", ing: str = "") -> EnglishVerb:
        """Fill the forms that are not given by the regular rules of spelling."""
        doubled = base + base[-1] if re.fullmatch(r"[^aeiou]*[aeiou][bdgklmnprt]", base) else base
        third = plural(base) if base not in ("go", "do") else base + "es"
        if base == "have":
            third = "has"
        if not past:
            if base.endswith("e"):
                past = base + "d"
            elif re.search(r"[^aeiou]y$", base):
                past = base[:-1] + "ied"
            else:
                past = doubled + "ed"
        if not ing:
            if base.endswith("ie"):
                ing = base[:-2] + "ying"
            elif base.endswith("e") and not base.endswith("ee") and base != "be":
                ing = base[:-1] + "ing"
            else:
                ing = doubled + "ing"
        return cls(base, third, past, participle or past, ing)

    def present(self, person: EnglishPerson) -> str:
        if self.base == "be":
            return {"I": "am", "he": "is", "they": "are"}[person]
        if self.base in MODALS:
            return self.base
        return self.third if person == "he" else self.base

    def preterite(self, person: EnglishPerson) -> str:
        if self.base == "be":
            return "were" if person == "they" else "was"
        return self.past


MODALS = frozenset(("can", "must", "should", "will", "would", "may", "could", "might"))


def cardinal(number: int) -> str:
    """A number below ten million in words, in the British manner: "one hundred and five"."""
    if number < 20:
        return UNITS[number]
    if number < 100:
        return TENS[number // 10] + ("-" + UNITS[number % 10] if number % 10 else "")
    if number < 1000:
        return f"{UNITS[number // 100]} hundred" + (f" and {cardinal(number % 100)}" if number % 100 else "")
    scale, name = (1_000_000, "million") if number >= 1_000_000 else (1000, "thousand")
    rest = number % scale
    joint = "" if not rest else f" and {cardinal(rest)}" if rest < 100 else f" {cardinal(rest)}"
    return f"{cardinal(number // scale)} {name}{joint}"


def ordinal(number: int) -> str:
    """An ordinal number in words: "twenty-third"."""
    words = re.split(r"([ -])", cardinal(number))
    last = words[-1]
    words[-1] = ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return "".join(words)


def year(number: int) -> str:
    """A year as it is spoken: "nineteen eighty-five", "two thousand and four", "twenty twenty-six"."""
    if 2000 <= number < 2010:
        return cardinal(number)
    century, rest = divmod(number, 100)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


CONTRACTIBLE = re.compile(
    r"""
      (?P<neg>   \b(?:do|does|did|is|are|was|were|has|have|should|could|would|Do|Does|Did|Is|Are|Was|Were)\ not\b)
    | (?P<can>   \b[Cc]annot\b)
    | (?P<wont>  \bwill\ not\b)
    | (?P<am>    (?:^|\b(?:because|that|if|when|and|but)\ )I\ am(?=\ [a-z]))
    | (?P<are>   \b(?:[Yy]ou|[Ww]e|[Tt]hey)\ are(?=\ (?!not\b)[a-z]))
    | (?P<is>    \b(?:[Hh]e|[Ss]he|[Ii]t|[Tt]hat|[Ww]here|[Ww]hat)\ is(?=\ (?!not\b)[a-z]))
    | (?P<will>  \b(?:I|[Yy]ou|[Ww]e|[Tt]hey|[Hh]e|[Ss]he)\ will(?=\ (?!not\b)[a-z]))
    | (?P<would> \b(?:I|[Ww]e|[Hh]e|[Ss]he|[Tt]hey)\ would(?=\ like))
    | (?P<have>  \b(?:I|[Yy]ou|[Ww]e|[Tt]hey)\ have(?=\ (?:already|never|just|been)\b))
    """,
    re.VERBOSE,
)
SHORT_FORMS = {
    "neg": (" not", "n't"),
    "can": ("not", "'t"),
    "wont": ("will not", "won't"),
    "am": (" am", "'m"),
    "are": (" are", "'re"),
    "is": (" is", "'s"),
    "will": (" will", "'ll"),
    "would": (" would", "'d"),
    "have": (" have", "'ve"),
}
"""Spoken short forms. Each has only one reading in the grammar, so that a contracted sentence keeps its translation."""


def contract(sentence: str) -> str:
    """The sentence with every short form that the grammar uses."""

    def shortened(match: re.Match[str]) -> str:
        ending, short = SHORT_FORMS[match.lastgroup or ""]
        return match[0].removesuffix(ending) + short

    return CONTRACTIBLE.sub(shortened, sentence)
