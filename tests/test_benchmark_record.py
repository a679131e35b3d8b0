"""How rows come into BENCHMARKS.md, and that its rows for a GPU are empty or measured."""

import re

import pytest

from benchmarks import record
from benchmarks.memory import CARDS, MEMORY
from benchmarks.record import BENCHMARKS, Table, add_row

TABLE = Table("A table", ("card", "seconds"), "make bench")
EMPTY = (
    "# Benchmarks\n\n## A table\n\n`make bench`\n\n| date |\n|---|\n| | | | 8 | |\n| | | | 12 | |\n"
)


@pytest.fixture
def book(tmp_path, monkeypatch):
    path = tmp_path / "BENCHMARKS.md"
    path.write_text("# Benchmarks\n\nText.\n")
    monkeypatch.setattr(record, "BENCHMARKS", path)
    return path


def test_a_table_is_made_and_rows_are_added_at_its_end(book):
    rows = [add_row(TABLE, ("8", seconds)) for seconds in ("1.0", "2.0")]
    add_row(Table("Another", ("seconds",), "make bench"), ("3.0",))
    lines = book.read_text().splitlines()
    start = lines.index(rows[0])
    assert lines[start - 6 : start + 2] == [
        "## A table",
        "",
        "`make bench`",
        "",
        "| date | commit | machine | card | seconds |",
        "|---|---|---|---|---|",
        *rows,
    ]


def test_the_row_that_waits_for_a_card_is_filled_and_the_others_stay_empty(book):
    book.write_text(EMPTY)
    first, second = add_row(TABLE, ("12", "1.0")), add_row(TABLE, ("12", "2.0"))
    assert book.read_text().splitlines()[-3:] == ["| | | | 8 | |", first, second]


def test_what_was_not_measured_on_a_gpu_has_no_figure():
    _, _, table = BENCHMARKS.read_text().partition(f"## {MEMORY.heading}\n")
    rows = [
        line.split("|")[1:-1] for line in table.partition("\n## ")[0].splitlines() if "|" in line
    ]
    head, _, *cards = [[cell.strip() for cell in row] for row in rows]
    assert head[3:] == list(MEMORY.columns)
    assert {row[3] for row in cards} == {str(card) for card in CARDS}
    for date, commit, machine, _, gpu, *figures in cards:
        measured = (date, commit, machine, gpu, *figures)
        assert all(measured) or not any(measured)
        assert not date or re.fullmatch(r"\d{4}-\d\d-\d\d", date)
