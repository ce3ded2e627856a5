"""Reads the ledger's CSV files, strictly: a file that a person should look at stops the load before anything is stored.

Files are UTF-8 with a header line; `month` is YYYY-MM or the month's first day, `date` is YYYY-MM-DD, numbers have a
decimal point and no thousands separators, currencies are ISO codes. A missing file is an empty one. Rows that are no
longer in a file are recorded as deleted.
"""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.extract import Context, Item, Page, Reader, Removed, State
from ingestion.http import SourceError
from ingestion.ledger.calendar import UnknownCountry, public_holidays
from ingestion.ledger.schema import FILES, Field, row_id

if TYPE_CHECKING:
    from warehouse.settings import Settings

log = logging.getLogger(__name__)

Row = dict[str, str | None]


class LedgerError(SourceError):
    """A ledger file cannot be read as it is. The message names file, line, field and value, and what to do."""


def build(settings: Settings, context: Context) -> list[Reader]:
    """The ledger's readers. Reads and checks every file first; raises LedgerError for the first fault found."""
    folder = settings.ledger_dir
    for path in sorted(folder.glob("*.csv")):
        if path.stem not in FILES:
            log.warning("ledger: %s is not one of the ledger's files (%s) and is not read", path.name, ", ".join(FILES))
    files = {name: read_file(folder / f"{name}.csv", name) for name in FILES}
    files["holidays"] = _with_public_holidays(files["holidays"], settings)
    return [Reader(name, (name,), _reading(name, rows, context)) for name, rows in files.items()]


def _with_public_holidays(rows: list[Row], settings: Settings) -> list[Row]:
    """The days of the file, and the country's; a day that both name is called as in the file."""
    try:
        public = public_holidays(settings.holidays_country, settings.as_of)
    except UnknownCountry as error:
        raise LedgerError(f"THROUGHLINE_HOLIDAYS_COUNTRY: {error}") from None
    by_hand = {row["date"] for row in rows}
    return rows + [row for row in public if row["date"] not in by_hand]


def _reading(name: str, rows: list[Row], context: Context) -> Callable[[State], Iterator[Item]]:
    def read(state: State) -> Iterator[Item]:
        yield Page(name, rows)
        yield Removed(name, sorted(context.live_ids(name) - {row_id(name, row) for row in rows}))

    return read


def read_file(path: Path, name: str) -> list[Row]:
    """The rows of one ledger file, checked: dates as YYYY-MM-DD, currencies in capitals, empty fields as None.

    `name` is the stream, one of `FILES`. Raises LedgerError for the first fault.
    """
    if not path.is_file():
        return []
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LedgerError(f"{path.name}: cannot be read: {error.strerror}") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise LedgerError(f"{path.name}, line {line}: not UTF-8 text. Save the file as 'CSV UTF-8'") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    lines: dict[str, int] = {}
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            start, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = _header(path, name, cells, start)
                continue
            row = _row(path, name, header, cells, start)
            key = row_id(name, row)
            if key in lines:
                keys = ", ".join(f"{f.name}={row[f.name] or ''}" for f in FILES[name] if f.is_key)
                raise LedgerError(
                    f"{path.name}, line {start}: the same row as line {lines[key]} ({keys}). Keep one of them, or add "
                    f"their amounts up"
                )
            lines[key] = start
            rows.append(row)
    except csv.Error as error:
        raise LedgerError(
            f"{path.name}, line {line}: not valid CSV ({error}). Quotes inside a field are doubled, and closed"
        ) from None
    if header is None:
        raise LedgerError(f"{path.name}: no header line. The first line must be {_expected(name)}")
    return rows


def _header(path: Path, name: str, cells: list[str], line: int) -> list[str]:
    header = [cell.strip() for cell in cells]
    known = [field.name for field in FILES[name]]
    where = f"{path.name}, line {line}"
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        raise LedgerError(f"{where}: the fields are not separated by commas. Save the file as comma-separated CSV")
    for cell in header:
        if cell not in known:
            close = get_close_matches(cell.lower(), known, n=1)
            hint = f"did you mean {close[0]}?" if close else "remove the column"
            raise LedgerError(f"{where}: unknown column {cell!r}; {hint} The columns are {_expected(name)}")
        if header.count(cell) > 1:
            raise LedgerError(f"{where}: column {cell!r} occurs twice. Remove one of them")
    for field in FILES[name]:
        if field.is_required and field.name not in header:
            raise LedgerError(f"{where}: column {field.name!r} is missing. The columns are {_expected(name)}")
    return header


def _expected(name: str) -> str:
    return ",".join(field.name for field in FILES[name])


def _row(path: Path, name: str, header: list[str], cells: list[str], line: int) -> Row:
    where = f"{path.name}, line {line}"
    if len(cells) != len(header):
        raise LedgerError(
            f"{where}: {len(cells)} fields where the header has {len(header)}. Put quotes around a field that contains "
            f"a comma"
        )
    given = dict(zip(header, (cell.strip() for cell in cells), strict=True))
    row: Row = {field.name: _value(where, field, given.get(field.name, "")) for field in FILES[name]}
    if name == "targets" and row["currency"] is None and row["metric"] != "new_customers":
        raise LedgerError(f"{where}: currency is empty, and {row['metric']} is an amount of money. Write the ISO code")
    if name == "exchange_rates" and row["currency"] == row["to_currency"]:
        raise LedgerError(f"{where}: to_currency {row['to_currency']!r} is the currency itself. Remove the line")
    return row


def _value(where: str, field: Field, text: str) -> str | None:
    """A field's value in its normal form, or LedgerError."""
    if not text:
        if field.is_required:
            raise LedgerError(f"{where}: {field.name} is empty. {_wanted(field)}")
        return None
    checked = _CHECKS[field.kind](text)
    if checked is None or (field.kind == "choice" and checked not in field.choices):
        raise LedgerError(f"{where}: {field.name} {text!r} is not valid. {_wanted(field)}")
    return checked


def _wanted(field: Field) -> str:
    wanted = {
        "text": "Write a text",
        "choice": f"Write one of {', '.join(field.choices)}",
        "currency": "Write an ISO code of three letters, such as EUR",
        "month": "Write the month as YYYY-MM, such as 2026-01",
        "date": "Write the date as YYYY-MM-DD, such as 2026-01-31",
        "decimal": "Write a number with a decimal point and no thousands separators, such as 1234.50",
        "rate": "Write a number above zero, such as 1.0842",
        "count": "Write a whole number, zero or more",
    }
    return wanted[field.kind]


def _month(text: str) -> str | None:
    whole = _date(f"{text}-01" if len(text) == 7 else text)
    return whole if whole is not None and whole.endswith("-01") else None


def _date(text: str) -> str | None:
    try:
        return date.fromisoformat(text).isoformat() if len(text) == 10 else None
    except ValueError:
        return None


def _decimal(text: str) -> str | None:
    if not all(mark in "0123456789.-+" for mark in text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    fits = number == round(number, 12) and abs(number) < Decimal(10) ** 26
    return text if fits else None


def _rate(text: str) -> str | None:
    number = _decimal(text)
    return number if number is not None and Decimal(number) > 0 else None


def _count(text: str) -> str | None:
    return text if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _currency(text: str) -> str | None:
    return text.upper() if len(text) == 3 and text.isascii() and text.isalpha() else None


_CHECKS: dict[str, Callable[[str], str | None]] = {
    "text": lambda text: text,
    "choice": lambda text: text,
    "currency": _currency,
    "month": _month,
    "date": _date,
    "decimal": _decimal,
    "rate": _rate,
    "count": _count,
}
