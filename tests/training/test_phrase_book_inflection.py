"""German and English inflection, table by table."""

from __future__ import annotations

import random

import pytest

from s2t2_live.training.phrase_book import english, german
from s2t2_live.training.phrase_book.german import GermanNoun, GermanVerb, noun_phrase
from s2t2_live.training.phrase_book.numerals import draw_of

ZUG = GermanNoun("Zug", "Züge", "m")
KARTE = GermanNoun("Karte", "Karten", "f")
HEMD = GermanNoun("Hemd", "Hemden", "n")
KIND = GermanNoun("Kind", "Kinder", "n")
KOLLEGE = GermanNoun("Kollege", "Kollegen", "m", weak=True)
ELTERN = GermanNoun("Eltern", "Eltern", "pl")


@pytest.mark.parametrize(
    ("noun", "word", "case", "plural", "expected"),
    [
        (ZUG, "der", "nom", False, "der neue Zug"),
        (ZUG, "der", "akk", False, "den neuen Zug"),
        (ZUG, "der", "dat", False, "dem neuen Zug"),
        (ZUG, "der", "gen", False, "des neuen Zuges"),
        (ZUG, "ein", "nom", False, "ein neuer Zug"),
        (ZUG, "ein", "akk", False, "einen neuen Zug"),
        (ZUG, "kein", "dat", False, "keinem neuen Zug"),
        (ZUG, "ein", "akk", True, "neue Züge"),
        (ZUG, "der", "dat", True, "den neuen Zügen"),
        (KARTE, "ein", "nom", False, "eine neue Karte"),
        (KARTE, "der", "dat", False, "der neuen Karte"),
        (KARTE, "mein", "akk", True, "meine neuen Karten"),
        (HEMD, "ein", "akk", False, "ein neues Hemd"),
        (HEMD, "dieser", "nom", False, "dieses neue Hemd"),
        (HEMD, "Ihr", "dat", False, "Ihrem neuen Hemd"),
        (KIND, "0", "dat", True, "neuen Kindern"),
        (KOLLEGE, "unser", "nom", False, "unser neuer Kollege"),
        (KOLLEGE, "unser", "akk", False, "unseren neuen Kollegen"),
        (KOLLEGE, "der", "gen", False, "des neuen Kollegen"),
        (ELTERN, "mein", "dat", False, "meinen neuen Eltern"),
        (ELTERN, "0", "nom", False, "neue Eltern"),
    ],
)
def test_noun_phrases_agree(noun: GermanNoun, word: str, case: german.Case, plural: bool, expected: str) -> None:
    assert noun_phrase(noun, word, ["neu"], case, plural) == expected


@pytest.mark.parametrize(
    ("preposition", "noun", "word", "case", "expected"),
    [
        ("zu", ZUG, "der", "dat", "zum Zug"),
        ("zu", KARTE, "der", "dat", "zur Karte"),
        ("in", HEMD, "der", "akk", "ins Hemd"),
        ("in", ZUG, "der", "akk", "in den Zug"),
        ("in", ZUG, "der", "dat", "im Zug"),
        ("an", KARTE, "der", "dat", "an der Karte"),
        ("von", HEMD, "der", "dat", "vom Hemd"),
        ("bei", KOLLEGE, "der", "dat", "beim Kollegen"),
        ("bei", KOLLEGE, "ein", "dat", "bei einem Kollegen"),
        ("mit", ELTERN, "mein", "dat", "mit meinen Eltern"),
        ("ohne", ELTERN, "0", "akk", "ohne Eltern"),
    ],
)
def test_prepositions_contract(preposition: str, noun: GermanNoun, word: str, case: german.Case, expected: str) -> None:
    assert noun_phrase(noun, word, [], case, False, preposition) == expected


@pytest.mark.parametrize(
    ("adjective", "stem"),
    [("teuer", "teur"), ("dunkel", "dunkl"), ("sauer", "saur"), ("sauber", "sauber"), ("müde", "müd"), ("hoch", "hoh")],
)
def test_stems_of_adjectives(adjective: str, stem: str) -> None:
    assert german.attributive(adjective) == stem


@pytest.mark.parametrize(
    ("infinitive", "forms"),
    [
        ("spielen", "spiele spielt spielte gespielt zu spielen"),
        ("arbeiten", "arbeite arbeitet arbeitete gearbeitet zu arbeiten"),
        ("öffnen", "öffne öffnet öffnete geöffnet zu öffnen"),
        ("lernen", "lerne lernt lernte gelernt zu lernen"),
        ("rechnen", "rechne rechnet rechnete gerechnet zu rechnen"),
        ("sammeln", "sammle sammelt sammelte gesammelt zu sammeln"),
        ("wandern", "wandere wandert wanderte gewandert zu wandern"),
        ("reparieren", "repariere repariert reparierte repariert zu reparieren"),
        ("verkaufen", "verkaufe verkauft verkaufte verkauft zu verkaufen"),
        ("gehören", "gehöre gehört gehörte gehört zu gehören"),
        ("ein|kaufen", "kaufe kauft kaufte eingekauft einzukaufen"),
        ("an|probieren", "probiere probiert probierte anprobiert anzuprobieren"),
    ],
)
def test_weak_verbs(infinitive: str, forms: str) -> None:
    verb = GermanVerb.build(infinitive)
    shown = (verb.present("ich"), verb.present("er"), verb.past("er"), verb.participle, verb.zu_infinitive)
    assert " ".join(shown) == forms


def test_strong_verbs_keep_what_is_given() -> None:
    verb = GermanVerb.build("ab|fahren", "fährt", "fuhr", "gefahren", "sein")
    assert (verb.present("er"), verb.present("sie"), verb.past("sie")) == ("fährt", "fahren", "fuhren")
    assert (verb.participle, verb.infinitive, verb.auxiliary) == ("abgefahren", "abfahren", "sein")
    assert GermanVerb.build("müssen", "muss", "musste").present("ich") == "muss"
    assert GermanVerb.build("müssen", "muss", "musste").past("sie") == "mussten"


@pytest.mark.parametrize(
    ("number", "words", "figures"),
    [
        (0, "zero", "null"),
        (12, "twelve", "zwölf"),
        (13, "thirteen", "13"),
        (45, "forty-five", "45"),
        (105, "one hundred and five", "105"),
        (1250, "one thousand two hundred and fifty", "1.250"),
        (40_007, "forty thousand and seven", "40.007"),
        (999_999, "nine hundred and ninety-nine thousand nine hundred and ninety-nine", "999.999"),
        (1_000_000, "one million", "eine Million"),
    ],
)
def test_cardinals(number: int, words: str, figures: str) -> None:
    assert english.cardinal(number) == words
    assert german.cardinal(number) == figures


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, "first"),
        (2, "second"),
        (3, "third"),
        (8, "eighth"),
        (12, "twelfth"),
        (20, "twentieth"),
        (31, "thirty-first"),
    ],
)
def test_ordinals(number: int, words: str) -> None:
    assert english.ordinal(number) == words


def test_years() -> None:
    assert [english.year(y) for y in (1985, 1905, 1900, 2004, 2026)] == [
        "nineteen eighty-five",
        "nineteen oh five",
        "nineteen hundred",
        "two thousand and four",
        "twenty twenty-six",
    ]


@pytest.mark.parametrize(
    ("spoken", "written"),
    [
        ("half past eight", "halb neun"),
        ("half past twelve", "halb eins"),
        ("a quarter to nine", "Viertel vor neun"),
        ("quarter past one", "Viertel nach eins"),
        ("one o'clock", "ein Uhr"),
        ("ten to four", "zehn vor vier"),
        ("twenty past seven", "zwanzig nach sieben"),
        ("eight thirty", "8:30 Uhr"),
    ],
)
def test_clock_times(spoken: str, written: str) -> None:
    draw = draw_of("CLOCK")
    assert draw is not None
    rng = random.Random(0)
    times = {time.english: time.german for time in (draw(rng) for _ in range(20_000))}
    assert times[spoken] == written


def test_prices_are_in_the_accusative() -> None:
    draw = draw_of("PRICE")
    assert draw is not None
    rng = random.Random(0)
    prices = {price.english: price.german for price in (draw(rng) for _ in range(5000))}
    shown = [prices[spoken] for spoken in ("one euro", "four euros", "four euros fifty")]
    assert shown == ["einen Euro", "vier Euro", "4,50 Euro"]


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("I am not tired.", "I'm not tired."),
        ("He is not tired.", "He isn't tired."),
        ("She is tired.", "She's tired."),
        ("We will not go.", "We won't go."),
        ("They will go.", "They'll go."),
        ("I cannot come.", "I can't come."),
        ("I would like tea.", "I'd like tea."),
        ("I know that you are right.", "I know that you're right."),
        ("He is younger than I am.", "He's younger than I am."),
    ],
)
def test_short_forms(long: str, short: str) -> None:
    assert english.contract(long) == short


@pytest.mark.parametrize(
    ("word", "article"),
    [("apple", "an"), ("uniform", "a"), ("hour", "an"), ("house", "a"), ("umbrella", "an"), ("used", "a")],
)
def test_indefinite_articles(word: str, article: str) -> None:
    assert english.indefinite_article(word) == article


@pytest.mark.parametrize(
    ("base", "forms"),
    [
        ("cook", "cooks cooked cooking"),
        ("bake", "bakes baked baking"),
        ("carry", "carries carried carrying"),
        ("wash", "washes washed washing"),
        ("stop", "stops stopped stopping"),
        ("wait", "waits waited waiting"),
        ("play", "plays played playing"),
    ],
)
def test_english_verbs(base: str, forms: str) -> None:
    verb = english.EnglishVerb.regular(base)
    assert f"{verb.third} {verb.past} {verb.ing}" == forms
