"""German inflection: determiners, adjectives, nouns, contractions of prepositions, verbs and numerals.

Knows nothing of English nor of templates. Only the persons that the grammar needs are there: ich, er/sie/es, and
the plural form, which also serves the formal "Sie".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Case = Literal["nom", "akk", "dat", "gen"]
Gender = Literal["m", "f", "n", "pl"]
GermanPerson = Literal["ich", "er", "sie"]
"""Agreement class: first person singular, third person singular, or the plural (also formal) form."""

CASES: tuple[Case, ...] = ("nom", "akk", "dat", "gen")
ARTICLE_GENDER: dict[str, Gender] = {"der": "m", "die": "f", "das": "n", "pl": "pl"}

STRONG_ENDINGS: dict[Gender, tuple[str, str, str, str]] = {
    "m": ("er", "en", "em", "es"),
    "f": ("e", "e", "er", "er"),
    "n": ("es", "es", "em", "es"),
    "pl": ("e", "e", "en", "er"),
}
DEFINITE: dict[Gender, tuple[str, str, str, str]] = {
    "m": ("der", "den", "dem", "des"),
    "f": ("die", "die", "der", "der"),
    "n": ("das", "das", "dem", "des"),
    "pl": ("die", "die", "den", "der"),
}
PERSONAL: dict[Gender, tuple[str, str, str]] = {
    "m": ("er", "ihn", "ihm"),
    "f": ("sie", "sie", "ihr"),
    "n": ("es", "es", "ihm"),
    "pl": ("sie", "sie", "ihnen"),
}
DER_WORDS = {"dieser": "dies", "jeder": "jed", "welcher": "welch"}
EIN_WORDS = {
    "ein": "ein",
    "kein": "kein",
    "mein": "mein",
    "sein": "sein",
    "ihr": "ihr",
    "unser": "unser",
    "Ihr": "Ihr",
}
NO_ARTICLE = "0"
DETERMINERS = frozenset(("der", NO_ARTICLE, *DER_WORDS, *EIN_WORDS))

PREPOSITION_CASE: dict[str, Case | None] = {
    **dict.fromkeys(("mit", "zu", "von", "bei", "aus", "nach", "seit", "gegenüber"), "dat"),
    **dict.fromkeys(("für", "ohne", "gegen", "durch", "um"), "akk"),
    **dict.fromkeys(("wegen", "während", "trotz"), "gen"),
    **dict.fromkeys(("in", "an", "auf", "vor", "hinter", "neben", "unter", "über", "zwischen"), None),
}
"""Case that a preposition governs; None where place (dative) and direction (accusative) differ."""

CONTRACTED = {
    ("in", "dem"): "im",
    ("in", "das"): "ins",
    ("an", "dem"): "am",
    ("an", "das"): "ans",
    ("zu", "dem"): "zum",
    ("zu", "der"): "zur",
    ("von", "dem"): "vom",
    ("bei", "dem"): "beim",
}


def determiner(word: str, gender: Gender, case: Case) -> str:
    """A determiner, named by its masculine nominative, in the form for gender and case ("" for none)."""
    column = CASES.index(case)
    if word == NO_ARTICLE or (word == "ein" and gender == "pl"):
        return ""
    if word == "der":
        return DEFINITE[gender][column]
    if word in DER_WORDS:
        return DER_WORDS[word] + STRONG_ENDINGS[gender][column]
    stem = EIN_WORDS[word]
    bare = (gender == "m" and case == "nom") or (gender == "n" and case in ("nom", "akk"))
    return stem if bare else stem + STRONG_ENDINGS[gender][column]


def adjective_ending(word: str, gender: Gender, case: Case) -> str:
    """Ending of an adjective between the determiner `word` and a noun of that gender and case."""
    column = CASES.index(case)
    if word == NO_ARTICLE or (word == "ein" and gender == "pl"):
        if case == "gen" and gender in ("m", "n"):
            return "en"
        return STRONG_ENDINGS[gender][column]
    bare = case == "nom" or (case == "akk" and gender != "m")
    if gender == "pl" or not bare:
        return "en"
    if word in EIN_WORDS and gender in ("m", "n"):
        return STRONG_ENDINGS[gender][column]
    return "e"


def attributive(adjective: str) -> str:
    """The stem that takes endings: teuer becomes teur-, dunkel dunkl-, hoch hoh-, müde müd-."""
    if adjective.endswith("hoch"):
        return adjective[:-4] + "hoh"
    if adjective.endswith("el"):
        return adjective[:-2] + "l"
    if re.search(r"[aeu]uer$", adjective):
        return adjective[:-2] + "r"
    return adjective.removesuffix("e")


@dataclass(frozen=True, slots=True)
class GermanNoun:
    """A noun: gender "pl" has a plural only; an empty plural means that it has none; weak nouns take -(e)n."""

    singular: str
    plural: str
    gender: Gender
    weak: bool = False

    def form(self, case: Case, plural: bool) -> str:
        if plural or self.gender == "pl":
            word = self.plural or self.singular
            return word + "n" if case == "dat" and not word.endswith(("n", "s", "a", "i", "o")) else word
        if self.weak and case != "nom":
            return self.plural
        if case == "gen" and self.gender in ("m", "n"):
            short = len(re.findall(r"[aeiouäöüy]+", self.singular.lower())) == 1
            sibilant = self.singular.endswith(("s", "ß", "x", "z"))
            return self.singular + ("es" if sibilant or (short and self.singular[-1] in "dtgb") else "s")
        return self.singular

    def agreement(self, plural: bool) -> Gender:
        return "pl" if plural else self.gender


def noun_phrase(
    noun: GermanNoun, word: str, adjectives: Sequence[str], case: Case, plural: bool, preposition: str = ""
) -> str:
    """Preposition, determiner, adjectives (already with their undeclined stems) and noun, all agreeing."""
    gender = noun.agreement(plural)
    article = determiner(word, gender, case)
    if preposition:
        contracted = CONTRACTED.get((preposition, article)) if word == "der" else None
        article = contracted or f"{preposition} {article}"
    ending = adjective_ending(word, gender, case)
    middle = [stem if stem.endswith("!") else stem + ending for stem in adjectives]
    return " ".join(filter(None, (article.strip(), *(m.rstrip("!") for m in middle), noun.form(case, plural))))


PRETERITE_PRESENT = frozenset("können müssen dürfen wollen sollen mögen wissen möchten könnten würden sollten".split())
"""Verbs whose first person is the third: ich kann, ich weiß, ich möchte."""
INSEPARABLE = re.compile(r"(be|emp|ent|er|ge|miss|ver|zer|über|unter|wieder)(?=[^aeiou]*[aeiouäöü].*e?[lr]?n$)")


@dataclass(frozen=True, slots=True)
class GermanVerb:
    """A German verb, taken apart where its prefix separates ("ab", "holen")."""

    prefix: str
    base: str
    first: str
    third: str
    preterite: str
    participle: str
    auxiliary: Literal["haben", "sein"]

    @classmethod
    def build(
        cls, infinitive: str, third: str = "", preterite: str = "", participle: str = "", auxiliary: str = "haben"
    ) -> GermanVerb:
        """`infinitive` marks a separable prefix with "|"; the other forms are those of the base verb, or weak."""
        prefix, _, base = infinitive.rpartition("|")
        stem = base.removesuffix("en") if base.endswith("en") else base.removesuffix("n")
        linked = stem + "e" if re.search(r"([dt]|ch[mn]|[^aeiouäöülrhmn][mn])$", stem) else stem
        first = (stem[:-2] + "l" if base.endswith("eln") else stem) + "e"
        if base in PRETERITE_PRESENT:
            first = third
        if not participle:
            bare = base.endswith("ieren") or (INSEPARABLE.match(base) is not None)
            participle = ("" if bare else "ge") + linked + "t"
        return cls(
            prefix,
            base,
            first,
            third or linked + "t",
            preterite or linked + "te",
            prefix + participle,
            "sein" if auxiliary == "sein" else "haben",
        )

    @property
    def infinitive(self) -> str:
        return self.prefix + self.base

    @property
    def zu_infinitive(self) -> str:
        return f"{self.prefix}zu{self.base}" if self.prefix else f"zu {self.base}"

    def present(self, person: GermanPerson) -> str:
        """Finite present form without the separable prefix."""
        if self.base == "sein":
            return {"ich": "bin", "er": "ist", "sie": "sind"}[person]
        return {"ich": self.first, "er": self.third, "sie": self.base}[person]

    def past(self, person: GermanPerson) -> str:
        """Finite preterite without the separable prefix."""
        if person != "sie":
            return self.preterite
        return self.preterite + ("n" if self.preterite.endswith("e") else "en")

    @property
    def imperative(self) -> str:
        """The word before "Sie"."""
        return "seien" if self.base == "sein" else self.base


WORDS = "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf".split()


def cardinal(number: int) -> str:
    """Words up to twelve, digits with a point between thousands above, and "eine Million"."""
    if number <= 12:
        return WORDS[number]
    if number == 1_000_000:
        return "eine Million"
    return f"{number:,}".replace(",", ".")
