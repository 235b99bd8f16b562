"""The tokenizer against that of transformers 4.37.2, on real and random strings of the four published languages."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from s2t2_live import Speech2Text2Tokenizer
from s2t2_live.speech2text2.added_tokens import AddedToken
from s2t2_live.training.bpe import save_vocabulary

REFERENCE = Path(__file__).with_name("tokenizer_reference.py")

SENTENCES = {
    "german": """Guten Morgen, wie geht es dir heute? Der Zug nach München fährt um halb neun von Gleis sieben ab.
        Können Sie mir bitte sagen, wo die nächste Apotheke ist? Wir haben gestern Abend zu viel gegessen.
        Die Straße ist gesperrt, weil ein großer Baum umgestürzt ist. Ich möchte zwei Brötchen und einen Kaffee.
        „Das glaube ich nicht“, sagte sie und schloss die Tür. Übermorgen wird es schneien, heißt es im Radio.
        Die Donaudampfschifffahrt war früher beliebt. Er wünscht ihr alles Gute zum Geburtstag!
        Unsere Nachbarn züchten Äpfel, Birnen und Zwetschgen. Weißt du, ob das Museum am Montag geöffnet hat?""",
    "catalan": """Bon dia, com estàs avui? El tren cap a Girona surt a dos quarts de nou de la via set.
        Em podria dir on és la farmàcia més propera, si us plau? Ahir a la nit vam menjar massa.
        El carrer està tallat perquè ha caigut un arbre molt gros. Voldria dos panets i un cafè amb llet.
        L'alumne va aprendre la lliçó col·laborant amb els companys. Demà passat nevarà, diuen a la ràdio.
        «No m'ho crec», va dir ella, i va tancar la porta. Li desitja un feliç aniversari!
        Els nostres veïns conreen pomes, peres i prunes. Saps si el museu obre els dilluns?""",
    "arabic": """صباح الخير، كيف حالك اليوم؟ ينطلق القطار إلى المدينة في الساعة الثامنة والنصف من الرصيف السابع.
        هل يمكنك أن تخبرني أين أقرب صيدلية من فضلك؟ لقد أكلنا كثيرا مساء أمس.
        الشارع مغلق لأن شجرة كبيرة سقطت عليه. أريد رغيفين من الخبز وفنجانا من القهوة.
        «لا أصدق ذلك»، قالت وأغلقت الباب. سوف يتساقط الثلج بعد غد، هكذا قيل في الإذاعة.
        يتمنى لها عيد ميلاد سعيدا! يزرع جيراننا التفاح والكمثرى والبرقوق.
        هل تعرف إن كان المتحف مفتوحا يوم الاثنين؟ كَتَبَ الوَلَدُ الدَّرْسَ في ٣ دقائق.""",
    "turkish": """Günaydın, bugün nasılsın? İstanbul treni saat sekiz buçukta yedinci perondan kalkıyor.
        Bana en yakın eczanenin nerede olduğunu söyler misiniz lütfen? Dün akşam çok fazla yedik.
        Yol kapalı çünkü büyük bir ağaç devrilmiş. İki ekmek ve bir kahve istiyorum.
        "Buna inanmıyorum," dedi ve kapıyı kapattı. Öbür gün kar yağacakmış, radyoda öyle dediler.
        Ona mutlu bir doğum günü diliyor! Komşularımız elma, armut ve erik yetiştiriyor.
        Müzenin pazartesi günleri açık olup olmadığını biliyor musun? Iğdır'da ılık bir ilkbahar vardı.""",
}
ODDITIES = [
    "<s>", "</s>", "<pad>", "<unk>", "<S>", "<s", "s>", "</w>", "@@", "@@ ", "</w>x", "x</w>", " ' ", " n't", " 's",
    " .", "  ", "\t", "\n", "\u00a0", "\u2028", "\u200b", "\u0307", "Σ", "ΟΔΟΣ", "İ", "ẞ", "ﬁ", "😀", "[x]", "[X]",
    "<extra>", "",
]  # fmt: skip

OPTIONS: list[tuple[dict[str, Any], list[tuple[dict[str, Any], bool]]]] = [
    ({}, []),
    ({"do_lower_case": True}, []),
    (
        {"clean_up_tokenization_spaces": False, "additional_special_tokens": ["<extra>", "der"]},
        [({"content": "[x]", "lstrip": True, "rstrip": True}, False), ({"content": "Ort", "single_word": True}, False)],
    ),
    ({"do_lower_case": True, "mask_token": "<MASK>"}, [({"content": "[X]"}, False), ({"content": "ß"}, True)]),
]
STRINGS = 1400  # of each language, with each of the options


def reference(python: Path, cases: list[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    path = folder / "cases.json"
    path.write_text(json.dumps(cases), encoding="utf-8")
    done = subprocess.run([str(python), str(REFERENCE), str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def model_folder(folder: Path, language: str, *, merges: int) -> Path:
    folder.mkdir()
    sentences = [line.strip() for line in SENTENCES[language].splitlines()]
    save_vocabulary(folder, sentences * 2, merges=merges)
    vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    last = max(vocabulary.values())
    vocabulary = {token: index for token, index in vocabulary.items() if index != last - 3}  # a hole, and an unknown
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    return folder


def strings(language: str, number: int, draw: random.Random) -> list[str]:
    """Sentences, shuffled words, words with letters changed, and letters at random, with oddities between them."""
    sentences = [line.strip() for line in SENTENCES[language].splitlines()]
    words = " ".join(sentences).split()
    letters = sorted(set("".join(words))) + [chr(point) for point in (0x1E9E, 0x0130, 0x0131, 0x03A3, 0x0640)]
    made = list(sentences)
    while len(made) < number:
        kind = draw.randrange(4)
        parts = draw.choices(words, k=draw.randint(1, 9))
        if kind == 1:
            parts = [word.upper() if draw.random() < 0.3 else word for word in parts]
            parts += draw.choices(ODDITIES, k=draw.randint(1, 4))
            draw.shuffle(parts)
        elif kind == 2:
            parts = ["".join(draw.choice(letters) if draw.random() < 0.2 else c for c in word) for word in parts]
        elif kind == 3:
            parts = ["".join(draw.choices(letters + ODDITIES, k=draw.randint(1, 12))) for _ in parts]
        made.append(draw.choice(("", " ", "  ")).join(parts) if kind == 3 else " ".join(parts))
    return made[:number]


@pytest.mark.oracle
@pytest.mark.slow
@pytest.mark.parametrize("language", sorted(SENTENCES))
def test_strings_are_encoded_and_decoded_alike(language: str, tmp_path: Path, oracle: Any) -> None:
    draw = random.Random(language)
    folder = model_folder(tmp_path / "model", language, merges=150)
    cases = []
    for number, (options, added) in enumerate(OPTIONS):
        size = len(json.loads((folder / "vocab.json").read_text(encoding="utf-8")))
        cases.append(
            {
                "folder": str(folder),
                "options": options,
                "added": added,
                "texts": strings(language, STRINGS, draw),
                "ids": [draw.choices(range(-2, size + 8), k=draw.randint(0, 20)) for _ in range(300)],
                "calls": [],
                "save": str(tmp_path / f"theirs-{number}"),
            }
        )
    for number, (case, theirs) in enumerate(zip(cases, reference(oracle.python, cases, tmp_path), strict=True)):
        ours = Speech2Text2Tokenizer.from_pretrained(case["folder"], **case["options"])
        for fields, special in case["added"]:
            ours.add_tokens(AddedToken(**fields), special_tokens=special)
        assert ours.get_vocab() == theirs["vocab"]
        assert len(ours) == theirs["length"]
        assert [ours.all_special_tokens, ours.all_special_ids, ours.special_tokens_map] == theirs["special"]
        for text, tokens, ids in zip(case["texts"], theirs["tokens"], theirs["encoded"], strict=True):
            assert ours.tokenize(text) == tokens, text
            assert ours.encode(text) == ids, text
        for ids, decoded in zip(theirs["encoded"] + case["ids"], theirs["decoded"], strict=True):
            assert [
                ours.decode(ids),
                ours.decode(ids, skip_special_tokens=True),
                ours.decode(ids, clean_up_tokenization_spaces=False),
            ] == decoded

        ours.save_pretrained(tmp_path / f"ours-{number}")
        for path in Path(case["save"]).iterdir():
            mine = (tmp_path / f"ours-{number}" / path.name).read_text(encoding="utf-8")
            assert mine == path.read_text(encoding="utf-8"), path.name


@pytest.mark.oracle
def test_without_merges_ids_are_decoded_alike(tmp_path: Path, oracle: Any) -> None:
    draw = random.Random(1)
    cases = []
    for language in SENTENCES:
        folder = model_folder(tmp_path / language, language, merges=80)
        (folder / "merges.txt").unlink()
        size = len(json.loads((folder / "vocab.json").read_text(encoding="utf-8")))
        ids = [draw.choices(range(size + 5), k=draw.randint(0, 30)) for _ in range(500)]
        save = str(tmp_path / f"{language}-saved")
        cases.append(
            {"folder": str(folder), "options": {}, "added": [], "texts": [], "ids": ids, "calls": [], "save": save}
        )
    for case, theirs in zip(cases, reference(oracle.python, cases, tmp_path), strict=True):
        ours = Speech2Text2Tokenizer.from_pretrained(case["folder"])
        for ids, (plain, skipped, raw) in zip(case["ids"], theirs["decoded"], strict=True):
            assert ours.decode(ids) == plain
            assert ours.decode(ids, skip_special_tokens=True) == skipped
            assert ours.decode(ids, clean_up_tokenization_spaces=False) == raw
        again = Speech2Text2Tokenizer.from_pretrained(case["save"])
        assert again.batch_decode(case["ids"]) == ours.batch_decode(case["ids"])
        assert again.bpe is None


CALLS: list[tuple[Any, dict[str, Any]]] = [
    ("Guten Morgen, wie geht es dir?", {}),
    ("Guten Morgen", {"return_tensors": "pt"}),
    ("Guten Morgen", {"return_tensors": "np"}),
    ("Guten Morgen", {"padding": "max_length", "max_length": 40}),
    ("Guten Morgen", {"padding": "max_length"}),
    ("Guten Morgen, wie geht es dir heute?", {"max_length": 4}),
    ("Guten Morgen, wie geht es dir heute?", {"max_length": 4, "truncation": True, "return_tensors": "pt"}),
    ("Guten Morgen, wie geht es dir heute?", {"max_length": 4, "truncation": False}),
    ("Guten Morgen", {"padding": True, "pad_to_multiple_of": 8}),
    ("Guten Morgen", {"return_attention_mask": False}),
    ("Guten Morgen", {"return_length": True}),
    ("", {}),
    (["Guten Morgen"], {}),
    (["Guten Morgen", "Weißt du, ob das Museum geöffnet hat?", ""], {}),
    (["Guten Morgen", "Weißt du, ob das Museum geöffnet hat?", ""], {"padding": True}),
    (["Guten Morgen", "Weißt du, ob das Museum geöffnet hat?"], {"padding": "longest", "return_tensors": "pt"}),
    (["Guten Morgen", "Weißt du, ob das Museum geöffnet hat?"], {"padding": True, "truncation": True, "max_length": 5}),
    (["Guten Morgen", "Weißt du, ob das Museum geöffnet hat?"], {"padding": "max_length", "max_length": 12}),
    (["Guten Morgen", "Weißt du"], {"padding": True, "pad_to_multiple_of": 5, "return_tensors": "np"}),
    (["Guten Morgen", "Weißt du"], {"return_length": True, "return_attention_mask": False}),
    (["Guten Morgen", "Weißt du"], {"return_length": True, "padding": "max_length", "max_length": 20}),
    ("Guten Morgen", {"return_length": True, "padding": "max_length", "max_length": 20, "return_tensors": "pt"}),
    (["Guten Morgen </s>", "Weißt"], {"return_special_tokens_mask": True, "padding": True}),
    ("Guten Morgen", {"return_special_tokens_mask": True, "padding": "max_length", "max_length": 20}),
    (["Guten Morgen", "Weißt"], {"return_token_type_ids": True, "padding": True, "return_tensors": "pt"}),
    ("Guten Morgen", {"return_token_type_ids": True, "return_attention_mask": False}),
    ("Guten Morgen, wie geht es dir?", {"return_overflowing_tokens": True, "max_length": 4, "stride": 2}),
    ("Guten Morgen, wie geht es dir?", {"return_overflowing_tokens": True, "max_length": 4, "return_tensors": "np"}),
    ("Guten Morgen", {"return_overflowing_tokens": True, "max_length": 3, "truncation": False}),
    (["Guten Morgen, wie geht es dir?", "Weißt"], {"return_overflowing_tokens": True, "max_length": 4, "stride": 99}),
    (["Guten Morgen", ""], {"return_overflowing_tokens": True, "max_length": 4, "truncation": True, "padding": True}),
    ("Guten Morgen", {"return_overflowing_tokens": True, "max_length": 4, "truncation": "only_second"}),
    (["Guten", "Morgen,"], {"is_split_into_words": True}),
    ([["Guten", "Morgen,"], ["Weißt", "du"]], {"is_split_into_words": True, "padding": True}),
    (["<s> Guten Morgen </s>", "</s>"], {"padding": True, "split_special_tokens": False}),
    ("Der Zug", {"text_target": "nach München"}),
    (["Der Zug", "Guten"], {"text_target": ["nach München", "Morgen"], "padding": True, "return_tensors": "pt"}),
]


@pytest.mark.oracle
@pytest.mark.parametrize(
    "options",
    [{}, {"padding_side": "left"}, {"truncation_side": "left"}, {"model_max_length": 6}],
    ids=["plain", "pads-left", "truncates-left", "short-model"],
)
def test_calls_pad_and_truncate_alike(options: dict[str, Any], tmp_path: Path, oracle: Any) -> None:
    folder = model_folder(tmp_path / "model", "german", merges=150)
    calls = CALLS
    case = {
        "folder": str(folder), "options": options, "added": [], "texts": [], "ids": [], "calls": calls, "save": None,
    }  # fmt: skip
    (theirs,) = reference(oracle.python, [case], tmp_path)
    ours = Speech2Text2Tokenizer.from_pretrained(folder, **options)
    for (text, arguments), expected in zip(calls, theirs["called"], strict=True):
        encoding = ours(text, **arguments)
        values = {name: getattr(value, "tolist", lambda v=value: v)() for name, value in encoding.items()}
        assert values == expected, (text, arguments)


@pytest.mark.oracle
def test_folders_of_older_versions_load_alike(tmp_path: Path, oracle: Any) -> None:
    """Before 4.34 the added tokens were in added_tokens.json, and the special ones only in special_tokens_map.json."""
    folder = model_folder(tmp_path / "model", "german", merges=150)
    size = len(json.loads((folder / "vocab.json").read_text(encoding="utf-8"))) + 1
    files: dict[str, Any] = {
        "tokenizer_config.json": {
            "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>",
            "tokenizer_class": "Speech2Text2Tokenizer", "do_lower_case": False,
        },
        "special_tokens_map.json": {
            "bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": False, "rstrip": True, "normalized": False,
            "single_word": False}, "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>",
        },
        "added_tokens.json": {"<mask>": size, "[x]": size + 1},
    }  # fmt: skip
    for name, value in files.items():
        (folder / name).write_text(json.dumps(value), encoding="utf-8")
    texts = ["Guten <mask> Morgen</s>  du [x] <s>", "[x]<mask>"]
    case = {
        "folder": str(folder), "options": {}, "added": [], "texts": texts, "ids": [[size, 5, size + 1, 2, 6]],
        "calls": [], "save": str(tmp_path / "theirs"),
    }  # fmt: skip
    (theirs,) = reference(oracle.python, [case], tmp_path)
    for origin in (folder, tmp_path / "theirs"):
        ours = Speech2Text2Tokenizer.from_pretrained(origin)
        assert [ours.tokenize(text) for text in texts] == theirs["tokens"]
        assert [ours.encode(text) for text in texts] == theirs["encoded"]
        assert ours.get_vocab() == theirs["vocab"]
        assert [ours.all_special_tokens, ours.all_special_ids, ours.special_tokens_map] == theirs["special"]
        for ids, decoded in zip(theirs["encoded"] + case["ids"], theirs["decoded"], strict=True):
            assert [ours.decode(ids), ours.decode(ids, skip_special_tokens=True)] == decoded[:2]
    Speech2Text2Tokenizer.from_pretrained(folder).save_pretrained(tmp_path / "ours")
    for name in ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt"):
        assert (tmp_path / "ours" / name).read_text() == (tmp_path / "theirs" / name).read_text()
