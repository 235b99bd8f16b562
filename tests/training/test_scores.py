"""Tables and figures of translated speech."""

import pytest

from s2t2_live.training.scores import Translated, as_json, tables

SAID = [
    Translated("", "Ich habe einen Hund.", "Ich habe einen Hund.", "anna", "home"),
    Translated("", "Wo ist der Bahnhof?", "Wo ist der Bahnhof?", "bert", "trains"),
    Translated("", "Ich habe eine Katze.", "Das kostet heute nichts.", "bert", "home"),
]


def test_figures_by_voice_and_topic() -> None:
    found = as_json(SAID)
    assert found["all"]["utterances"] == 3
    assert found["all"]["exact"] == pytest.approx(200 / 3)
    assert found["voice"]["anna"] == {"utterances": 1, "bleu": pytest.approx(100), "chrf": 100, "exact": 100}
    assert found["voice"]["bert"]["exact"] == 50
    assert found["topic"]["trains"]["bleu"] == pytest.approx(100)
    assert 20 < found["all"]["bleu"] < 90
    assert 30 < found["all"]["chrf"] < 90


def test_tables_name_the_metrics() -> None:
    lines = tables(SAID).splitlines()
    assert "| anna | 1 | 100.0 | 100.0 | 100.0 % |" in lines
    assert "| trains | 1 | 100.0 | 100.0 | 100.0 % |" in lines
    assert lines[-2].startswith("BLEU nrefs:1|case:mixed")
    assert lines[-1].startswith("chrF nrefs:1|case:mixed")


def test_no_table_where_nothing_is_known() -> None:
    text = tables([Translated("", "Ja.", "Ja.", "", "")])
    assert "| set |" in text
    assert "voice" not in text
    assert "topic" not in text
