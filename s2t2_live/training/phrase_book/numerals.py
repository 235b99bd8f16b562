"""Numbers, prices, clock times, dates and years: drawn at random and written in both languages.

English is spelled as it is spoken; German has words up to twelve and digits above.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from s2t2_live.training.phrase_book import english, german

MONTHS = (
    ("January", "Januar", 31),
    ("February", "Februar", 28),
    ("March", "März", 31),
    ("April", "April", 30),
    ("May", "Mai", 31),
    ("June", "Juni", 30),
    ("July", "Juli", 31),
    ("August", "August", 31),
    ("September", "September", 30),
    ("October", "Oktober", 31),
    ("November", "November", 30),
    ("December", "Dezember", 31),
)
CLOCK_WORDS = {20: "zwanzig", 25: "fünfundzwanzig"}


@dataclass(frozen=True, slots=True)
class Numeral:
    """One drawn number, in both languages."""

    key: str
    english: str
    german: str


Draw = Callable[[random.Random], Numeral]


def whole(low: int, high: int) -> Draw:
    """Numbers from low to high: uniform over small ranges, over the magnitude of large ones and mostly round there."""

    def draw(rng: random.Random) -> Numeral:
        if high - low <= 100:
            number = rng.randint(low, high)
        else:
            number = round(math.exp(rng.uniform(math.log(max(low, 1)), math.log(high))))
            if number > 100 and rng.random() < 0.7:
                step = 10 ** (len(str(number)) - rng.choice((1, 2, 2)))
                number = number // step * step
            number = min(max(number, low), high)
        return Numeral(str(number), english.cardinal(number), german.cardinal(number))

    return draw


def price(rng: random.Random) -> Numeral:
    """An amount in euros and, in a third of the draws, cents: "four euros fifty" is "4,50 Euro". One euro is in the
    accusative, as after kosten, machen and zahlen.
    """
    euros = whole(1, 2000)(rng) if rng.random() < 0.3 else whole(1, 99)(rng)
    amount = int(euros.key)
    unit = "euro" if amount == 1 else "euros"
    if amount < 100 and rng.random() < 0.35:
        cents = rng.choice((10, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90, 95, 99))
        spoken = f"{euros.english} {unit} {english.cardinal(cents)}"
        return Numeral(f"{amount},{cents}", spoken, f"{amount},{cents} Euro")
    return Numeral(euros.key, f"{euros.english} {unit}", "einen Euro" if amount == 1 else f"{euros.german} Euro")


def clock(rng: random.Random) -> Numeral:
    """A time of day without its preposition: "half past eight" is "halb neun"."""
    hour = rng.randint(1, 12)
    after = hour % 12 + 1
    here, there = english.cardinal(hour), english.cardinal(after)
    de_here, de_there = german.cardinal(hour), german.cardinal(after)
    kind = rng.choice(("sharp", "sharp", "plain", "half", "to", "past", "minutes", "minutes", "digits", "digits"))
    if kind == "sharp":
        return Numeral(f"{hour}:00", f"{here} o'clock", f"{'ein' if hour == 1 else de_here} Uhr")
    if kind == "plain":
        return Numeral(f"{hour}", here, de_here)
    if kind == "half":
        return Numeral(f"{hour}:30 half", f"half past {here}", f"halb {de_there}")
    if kind in ("to", "past"):
        article = rng.choice(("a ", ""))
        if kind == "to":
            return Numeral(f"{hour}:45 to", f"{article}quarter to {there}", f"Viertel vor {de_there}")
        return Numeral(f"{hour}:15 past", f"{article}quarter past {here}", f"Viertel nach {de_here}")
    if kind == "minutes":
        minute = rng.choice((5, 10, 20))
        words = CLOCK_WORDS.get(minute) or german.cardinal(minute)
        if rng.random() < 0.5:
            return Numeral(f"{hour}:-{minute}", f"{english.cardinal(minute)} to {there}", f"{words} vor {de_there}")
        return Numeral(f"{hour}:{minute}", f"{english.cardinal(minute)} past {here}", f"{words} nach {de_here}")
    hour = rng.randint(1, 23)
    minute = rng.choice((5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, rng.randint(10, 59)))
    spoken = f"{english.cardinal(hour)} {'oh ' if minute < 10 else ''}{english.cardinal(minute)}"
    return Numeral(f"{hour}:{minute:02}", spoken, f"{hour}:{minute:02} Uhr")


def date(rng: random.Random) -> Numeral:
    """A day of the year: "the third of May" or "May third" is "3. Mai" (the template writes "am")."""
    month, monat, days = rng.choice(MONTHS)
    day = rng.randint(1, days)
    spoken = f"the {english.ordinal(day)} of {month}" if rng.random() < 0.6 else f"{month} {english.ordinal(day)}"
    return Numeral(f"{day} {month}", spoken, f"{day}. {monat}")


def digits(rng: random.Random) -> Numeral:
    """Three to six digits, spoken one by one."""
    figures = [rng.randint(0, 9) for _ in range(rng.randint(3, 6))]
    return Numeral(
        "".join(map(str, figures)),
        " ".join(english.cardinal(figure) for figure in figures),
        " ".join(german.cardinal(figure) for figure in figures),
    )


def year(low: int, high: int) -> Draw:
    def draw(rng: random.Random) -> Numeral:
        number = rng.randint(low, high)
        return Numeral(str(number), english.year(number), str(number))

    return draw


NAMED: dict[str, Draw] = {"PRICE": price, "CLOCK": clock, "DATE": date, "DIGITS": digits}


def draw_of(specification: str) -> Draw | None:
    """The draw that a slot names: "2..20", "YEAR1950..2030", "PRICE", "CLOCK", "DATE", "DIGITS"; or None."""
    if specification in NAMED:
        return NAMED[specification]
    if match := re.fullmatch(r"(YEAR)?(\d+)\.\.(\d+)", specification):
        low, high = int(match[2]), int(match[3])
        return year(low, high) if match[1] else whole(low, high)
    return None
