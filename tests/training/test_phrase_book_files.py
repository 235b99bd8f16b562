"""Malformed files of the phrase book are named with file and line."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from s2t2_live.errors import SettingsError
from s2t2_live.training.phrase_book import PhraseBook
from s2t2_live.training.phrase_book.book import Split

SPLITS: tuple[Split, Split] = ("train", "heldout")
TABLES = {
    "nouns.tsv": (
        "apple\tder Apfel, Äpfel\tfood\npear\tdie Birne, Birnen\tfood\negg\tdas Ei, Eier\tfood\n"
        "mother\tdie Mutter, Mütter\trelative\n"
    ),
    "adjectives.tsv": "red\trot\tcolour\tfood\n",
    "pairs.tsv": "past_time\tyesterday\tgestern\n",
    "english_verbs.tsv": "buy\tbought\n",
    "german_verbs.tsv": "essen\tisst\taß\tgegessen\n",
    "verb_phrases.tsv": "food\tact\tbuy {a x:food}\t{ein x akk} kaufen\n",
    "subjects.tsv": "subject\tI\t2\nsubject\tmy <relative>\n",
    "frames.tsv": "{s:subject} {v:act.past} {t:past_time}.\t{s} {v.aux} {v.pron} {t} {v.mid} {v.part}.\n",
    "templates/food.tsv": "Do you have {a y:colour x:food}?\tHaben Sie {ein y x akk}?\n",
}


def write(folder: Path, **changes: str) -> Path:
    for name, text in TABLES.items():
        file = folder / "grammar" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(changes.get(file.stem, text), encoding="utf-8")
    return folder


def test_a_small_book_works(tmp_path: Path) -> None:
    book = PhraseBook.load(write(tmp_path))
    rng = random.Random(0)
    phrases = {phrase.english: phrase.german for phrase in (book.sample(rng, "train") for _ in range(300))}
    expected = {
        f"{subject} bought {food} yesterday.": f"{german} gestern {essen} gekauft."
        for subject, german in (("I", "Ich habe"), ("My mother", "Meine Mutter hat"))
        for food, essen in (("an apple", "einen Apfel"), ("a pear", "eine Birne"), ("an egg", "ein Ei"))
    } | {
        f"Do you have a red {food}?": f"Haben Sie {essen}?"
        for food, essen in (("apple", "einen roten Apfel"), ("pear", "eine rote Birne"), ("egg", "ein rotes Ei"))
    }
    assert len(phrases) > 2
    assert phrases.items() <= expected.items()
    assert {"apple", "red", "mother", "bought"} <= book.english_words()


def test_a_grammar_without_the_split_is_refused(tmp_path: Path) -> None:
    book = PhraseBook.load(write(tmp_path, frames="# none\n", food="I see {the x:mother}.\tIch sehe {der x akk}.\n"))

    def draw_both() -> list[object]:
        return [book.sample(random.Random(0), split) for split in SPLITS]

    with pytest.raises(SettingsError, match="too small"):
        draw_both()


@pytest.mark.parametrize(
    ("name", "text", "line", "cause"),
    [
        ("nouns", "apple\tApfel\tfood\n", 1, "der|die|das|pl"),
        ("nouns", "# head\n\napple\tder Apfel, Äpfel\n", 3, "3 columns"),
        ("nouns", TABLES["nouns.tsv"] + "apple\tdas Obst\tfood\n", 5, "second time"),
        ("adjectives", "red, redder\trot\tcolour\tfood\n", 1, "three degrees"),
        ("verb_phrases", "food\tact\tbuy {the x:food}\t{der x akk} kaufen\n", 1, "negation"),
        ("verb_phrases", "food\tact\tbuy {a x:food}\t{ein x akk} Kauf\n", 1, "infinitive"),
        ("verb_phrases", "food\tact\tbuy {a x:fool}\t{ein x akk} kaufen\n", 1, 'no class "fool"'),
        ("subjects", "subject\tnobody\n", 1, "nobody"),
        ("subjects", "subject\tI\tmuch\n", 1, "whole number"),
        ("subjects", "subject\tsome <relative>\n", 1, "determiner"),
        ("food", "Do you have {a x:food?\tHaben Sie {ein x akk}?\n", 1, "brace"),
        ("food", "Do you have {a x:food}?\tHaben Sie das?\n", 1, "missing"),
        ("food", "Do you have {a x:food}?\tHaben Sie {einen x akk}?\n", 1, "{einen x akk}"),
        ("food", "Is it in {the x:food}?\tIst es {in der x}?\n", 1, "{in der x}"),
        ("food", "Is it [red|green] in {the x:food}?\tIst es {in der x dat} rot?\n", 1, "[a|b]"),
        ("food", "Good morning.\tGuten Morgen.\n", 1, "without slots"),
        ("food", "{s:subject} {v:act.gone}.\t{s} {v.fin}.\n", 1, "{v.gone}"),
    ],
)
def test_errors_name_the_line(tmp_path: Path, name: str, text: str, line: int, cause: str) -> None:
    folder = write(tmp_path, **{name: text})
    with pytest.raises(SettingsError) as caught:
        PhraseBook.load(folder)
    assert f"{name}.tsv:{line}: " in str(caught.value)
    assert cause in str(caught.value)


def test_one_class_name_in_two_tables(tmp_path: Path) -> None:
    folder = write(tmp_path, pairs="food\tyesterday\tgestern\npast_time\ttoday\theute\n")
    with pytest.raises(SettingsError, match="class both in"):
        PhraseBook.load(folder)


def test_missing_table(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "grammar" / "pairs.tsv").unlink()
    with pytest.raises(SettingsError, match=r"pairs\.tsv: the table cannot be read"):
        PhraseBook.load(folder)


def test_sentences_come_with_their_topic(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "sentences").mkdir()
    (folder / "sentences" / "greetings.tsv").write_text("# head\nGood morning.\tGuten Morgen.\n", encoding="utf-8")
    [phrase] = PhraseBook.load(folder).sentences()
    assert (phrase.english, phrase.german, phrase.topic, phrase.split) == (
        "Good morning.",
        "Guten Morgen.",
        "greetings",
        "train",
    )


def test_a_written_sentence_is_never_held_out_and_keeps_its_translation(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "sentences").mkdir()
    written = "Do you have a red apple?\tHaben Sie einen roten Apfel da?\n"
    (folder / "sentences" / "food.tsv").write_text(written, encoding="utf-8")
    book = PhraseBook.load(folder)
    rng = random.Random(0)
    drawn = [
        book.draw(rng, template, split) for template in book.all_templates() for split in SPLITS for _ in range(200)
    ]
    ours = [phrase for phrase in drawn if phrase is not None and "red apple" in phrase.english]
    assert all(phrase.german == "Haben Sie einen roten Apfel da?" for phrase in ours)
    assert all(phrase.split == "train" for phrase in ours)


def test_sentences_with_strange_characters(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "sentences").mkdir()
    (folder / "sentences" / "food.tsv").write_text("A café.\tEin Café.\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"food\.tsv:1: .*not allowed"):
        PhraseBook.load(folder)
