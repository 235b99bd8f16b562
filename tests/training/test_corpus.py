"""A user's speech: tables and folders, and what is wrong with them."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from s2t2_live.training.corpus import CorpusError, read_corpus


def tone(path: Path, seconds: float = 1.0, rate: int = 16_000, channels: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)
    soundfile.write(path, np.stack([wave] * channels, axis=1), rate)
    return path


def table(folder: Path, *rows: str, header: str = "path\tsentence\ttranslation\tclient_id") -> Path:
    path = folder / "train.tsv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


def test_a_covost_table_with_its_clips(tmp_path: Path) -> None:
    tone(tmp_path / "clips" / "a.mp3", rate=48_000, channels=2)
    tone(tmp_path / "b.flac", seconds=0.5, rate=8_000)
    corpus = read_corpus(
        table(tmp_path, 'a.mp3\tHe said "go"!\tEr sagte "geh"!\tanna', "b.flac\tNo.\tNein.\tbert"), say=pytest.fail
    )
    assert [(e.english, e.german, e.voice) for e in corpus.examples] == [
        ('He said "go"!', 'Er sagte "geh"!', "anna"),
        ("No.", "Nein.", "bert"),
    ]
    assert corpus.has_english
    assert corpus.seconds == pytest.approx(1.5, abs=0.1)
    for index, example in enumerate(corpus.examples):
        audio = corpus.audio(index)
        assert audio.shape == (example.length,)
        assert audio.dtype == np.float32
        spectrum = np.abs(np.fft.rfft(audio))
        assert spectrum.argmax() * 16_000 / len(audio) == pytest.approx(440, abs=5)


def test_the_folder_of_the_audio_can_be_named(tmp_path: Path) -> None:
    tone(tmp_path / "elsewhere" / "a.wav")
    path = table(tmp_path, "a.wav\tJa.", header="path\ttranslation")
    corpus = read_corpus(path, audio=tmp_path / "elsewhere", say=pytest.fail)
    assert not corpus.has_english
    with pytest.raises(CorpusError, match=r"1 of 1 rows cannot be used.*train.tsv:2: there is no file.*--audio"):
        read_corpus(path, say=[].append)


def test_bad_rows_are_named_and_left_out(tmp_path: Path) -> None:
    for name in "abcdef":
        tone(tmp_path / f"{name}.wav")
    tone(tmp_path / "long.wav", seconds=31)
    (tmp_path / "text.wav").write_text("no audio")
    path = table(
        tmp_path,
        *(f"{name}.wav\t\tJa." for name in "abcdef"),
        "gone.wav\t\tJa.",
        "a.wav\tyes\t ",
        "long.wav\t\tJa.",
        "text.wav\t\tJa.",
        "a.wav",
        header="path\tsentence\ttranslation",
    )
    said: list[str] = []
    corpus = read_corpus(path, say=said.append)
    assert len(corpus) == 6
    problems = {8: "no file", 9: "translation is empty", 10: "31.0 s long", 11: "cannot be read", 12: "1 columns"}
    assert len(said) == len(problems)
    for number, problem in problems.items():
        assert any(f"{path}:{number}: " in line and problem in line for line in said)


def test_a_table_without_the_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no column translation or german or target.*only: path, text"):
        read_corpus(table(tmp_path, "a.wav\tJa.", header="path\ttext"))
    with pytest.raises(CorpusError, match="no table or folder"):
        read_corpus(tmp_path / "gone.tsv")
    for empty in (table(tmp_path), tmp_path / "nothing"):
        (tmp_path / "nothing").mkdir(exist_ok=True)
        with pytest.raises(CorpusError, match="holds no speech"):
            read_corpus(empty)
    (tmp_path / "binary.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CorpusError, match="cannot be read as text"):
        read_corpus(tmp_path / "binary.tsv")


def test_a_folder_with_texts_beside_the_audio(tmp_path: Path) -> None:
    for name in ("one", "two", "deep/three"):
        tone(tmp_path / f"{name}.ogg").with_suffix(".txt").write_text(f"Das ist\n{name}.\n", encoding="utf-8")
    (tmp_path / "one.en.txt").write_text("This is one.", encoding="utf-8")
    tone(tmp_path / "alone.wav")
    said: list[str] = []
    corpus = read_corpus(tmp_path, say=said.append)
    assert [example.german for example in corpus.examples] == ["Das ist deep/three.", "Das ist one.", "Das ist two."]
    assert [example.english for example in corpus.examples] == ["", "This is one.", ""]
    assert len(said) == 1
    assert "alone.txt beside it" in said[0]


def test_a_file_that_has_gone_since_is_named(tmp_path: Path) -> None:
    corpus = read_corpus(table(tmp_path, f"{tone(tmp_path / 'a.wav').name}\tyes\tJa.\tv"))
    (tmp_path / "a.wav").unlink()
    with pytest.raises(CorpusError, match=r"train.tsv:2: .*a.wav cannot be read to its end"):
        corpus.audio(0)


def test_the_split_is_always_the_same(tmp_path: Path) -> None:
    tone(tmp_path / "a.wav")
    corpus = read_corpus(table(tmp_path, *(f"a.wav\t\tSatz {n}.\tv" for n in range(10))))
    rest, held = corpus.split(3)
    assert (len(rest), len(held)) == (7, 3)
    assert {e.german for e in rest.examples} | {e.german for e in held.examples} == {e.german for e in corpus.examples}
    assert [e.german for e in corpus.split(3)[1].examples] == [e.german for e in held.examples]


def test_audio_without_a_header_is_none(tmp_path: Path) -> None:
    tone(tmp_path / "a.wav").with_suffix(".txt").write_text("Ja.", encoding="utf-8")
    (tmp_path / "b.raw").write_bytes(b"\0" * 32_000)
    (tmp_path / "b.txt").write_text("Nein.", encoding="utf-8")
    assert [example.german for example in read_corpus(tmp_path, say=pytest.fail).examples] == ["Ja."]
    said: list[str] = []
    path = table(tmp_path, "a.wav\t\tJa.\tv", "b.raw\t\tNein.\tv")
    assert len(read_corpus(path, say=said.append)) == 1
    assert len(said) == 1
    assert f"{path}:3: {tmp_path / 'b.raw'} cannot be read as audio" in said[0]


def test_a_line_that_is_too_long_for_a_row_is_named(tmp_path: Path) -> None:
    tone(tmp_path / "a.wav")
    path = table(tmp_path, "a.wav\t\tJa.\tv", f"a.wav\t\t{'Ja. ' * 40_000}\tv")
    with pytest.raises(CorpusError, match=r"train.tsv:3 is no row of a table \(field larger.*\); take it out"):
        read_corpus(path)
