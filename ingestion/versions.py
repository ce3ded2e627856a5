"""Provider objects become typed, immutable versions.

A source declares its streams as `Stream` values: which columns the models need, and where each is found in the
provider's object. `to_versions` turns a page of objects into one Arrow table of versions and one of quarantined
objects. It works column by column and never builds dictionaries of output rows, because that is where loaders
spend their time.

Every version table starts with the same columns (`VERSION_COLUMNS`), then the stream's own:

- `id`: the provider's id, or the key made from the object;
- `modified_at`: the object's own modification instant, or the instant of observation where the provider has none;
- `is_deleted`: true on the version that records a deletion or an archiving;
- `content_hash`: BLAKE2b-128 of the canonical payload;
- `version_hash`: BLAKE2b-128 of id, content hash, modification instant and deletion mark. With `id` it is the key;
- `extracted_at`: the instant of the run;
- `payload`: the whole provider object as canonical JSON (sorted keys, no spaces), known and unknown fields alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from functools import cached_property
from hashlib import blake2b
from typing import Any, Literal

import orjson
import pyarrow as pa
import pyarrow.compute as pc

Kind = Literal["t", "i", "d", "b", "ts", "dt", "j"]
JsonObject = dict[str, Any]
Getter = Callable[[JsonObject], Any]
FieldPath = str | Getter

INSTANT = pa.timestamp("us", tz="UTC")
DECIMAL = pa.decimal128(38, 12)

ARROW_TYPES: Mapping[str, pa.DataType] = {
    "t": pa.string(),
    "i": pa.int64(),
    "d": DECIMAL,
    "b": pa.bool_(),
    "ts": INSTANT,
    "dt": pa.date32(),
    "j": pa.string(),
}
KIND_NAMES: Mapping[str, str] = {
    "t": "text",
    "i": "a whole number",
    "d": "a decimal number",
    "b": "true or false",
    "ts": "an instant",
    "dt": "a date",
    "j": "JSON",
}
VERSION_COLUMNS: tuple[tuple[str, pa.DataType], ...] = (
    ("id", pa.string()),
    ("modified_at", INSTANT),
    ("is_deleted", pa.bool_()),
    ("content_hash", pa.string()),
    ("version_hash", pa.string()),
    ("extracted_at", INSTANT),
    ("payload", pa.string()),
)
QUARANTINE_SCHEMA = pa.schema(
    [
        pa.field("stream", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("payload", pa.string(), nullable=False),
        pa.field("extracted_at", INSTANT),
    ]
)
DRIFT_SCHEMA = pa.schema(
    [
        pa.field("stream", pa.string(), nullable=False),
        pa.field("field", pa.string(), nullable=False),
        pa.field("first_seen_at", INSTANT),
        pa.field("example_type", pa.string()),
    ]
)

QUARANTINE_KEY = ("stream", "id", "reason", "payload")
DRIFT_KEY = ("stream", "field")

_EMPTY: Mapping[str, Any] = {}
_FIRST_YEAR_US = int(datetime(1, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
_LAST_YEAR_US = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp()) * 1_000_000
_DECIMAL_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)
_TWELVE_DIGITS = Decimal(1).scaleb(-12)
_DECIMAL_LIMIT = Decimal(10) ** 26
_EXACT_FLOAT = 2**53


@dataclass(frozen=True, slots=True)
class Column:
    """One typed column of a stream.

    `path` says where the value lies in the provider's object: dotted keys (`"address.country"`), alternatives
    separated by `|` of which the first that holds a value wins (`"customer.id|customer"`), or a function of the
    object. Without a path the column's own name is the key. `unit` is the unit of instants given as numbers:
    seconds (`"s"`) or milliseconds (`"ms"`) since 1970. An empty string counts as no value; no other value is
    ever dropped: one that does not fit `kind` sends the whole object to quarantine.
    """

    name: str
    kind: Kind
    path: FieldPath | None = None
    unit: Literal["s", "ms"] = "s"

    @property
    def source(self) -> FieldPath:
        """The path, or the column's own name when none was given."""
        return self.name if self.path is None else self.path


@dataclass(frozen=True)
class Stream:
    """A provider's collection: its columns, and how an object shows its id, its own instant and its deletion.

    `id_path` gives the id. `modified_path` is where the provider keeps the object's own modification instant, and
    None where it keeps none: then an object is a new version only when its content differs from the current one,
    and the instant of observation dates it. `modified_unit` is the unit when that instant is a number.
    `deleted_path` names a true/false field that marks archived or deleted objects. `container` is a nested object
    whose keys also count as fields when schema drift is reported (HubSpot's `properties`). `known_fields` are fields
    that are expected although no column reads them.
    """

    name: str
    columns: tuple[Column, ...]
    id_path: FieldPath = "id"
    modified_path: FieldPath | None = None
    modified_unit: Literal["s", "ms"] = "s"
    deleted_path: FieldPath | None = None
    container: str | None = None
    known_fields: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        names = [name for name, _ in VERSION_COLUMNS] + [c.name for c in self.columns]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"stream {self.name}: column declared twice: {', '.join(twice)}")
        if self.deleted_path is not None and self.modified_path is None:
            raise ValueError(f"stream {self.name}: deleted_path needs modified_path; report deletions otherwise")

    @property
    def has_own_instant(self) -> bool:
        """Whether the provider dates its objects' modifications."""
        return self.modified_path is not None

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """The version table's schema: the common columns, then the stream's own."""
        common = (pa.field(name, kind, nullable=False) for name, kind in VERSION_COLUMNS)
        return pa.schema([*common, *(pa.field(c.name, ARROW_TYPES[c.kind]) for c in self.columns)])

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """Names of the stream's own columns."""
        return tuple(c.name for c in self.columns)

    def empty(self) -> pa.Table:
        """A version table without rows."""
        return self.arrow_schema.empty_table()


def arrow_schema(stream: Stream) -> pa.Schema:
    """The Arrow schema of a stream's version table."""
    return stream.arrow_schema


def canonical_json(value: Any) -> str:
    """JSON text with sorted keys and no spaces: equal content gives equal text.

    Raises ValueError when the value holds text that no UTF-8 file can store (lone surrogates).
    """
    return _canonical_bytes(value).decode()


def content_hash(payload: str) -> str:
    """BLAKE2b-128 of a canonical payload, 32 hexadecimal digits."""
    return blake2b(payload.encode(), digest_size=16).hexdigest()


def to_versions(
    stream: Stream,
    objects: Iterable[JsonObject],
    observed_at: datetime | Sequence[datetime],
    current: Mapping[str, str] | None = None,
    *,
    extracted_at: datetime | None = None,
    seen: set[bytes] | None = None,
    is_deleted: bool = False,
) -> tuple[pa.Table, pa.Table]:
    """Turn provider objects into versions.

    Args:
        stream: what to read from the objects.
        objects: the provider's objects as parsed JSON.
        observed_at: when they were seen (aware), one instant for all or one per object. It dates objects of streams
            without an instant of their own.
        current: id -> content hash of the newest version already stored. An object with the same content is left
            out. Pass it for streams without an instant of their own; deleted objects must be absent from it, so that
            an object that comes back becomes a version again.
        extracted_at: the run's instant (aware); `observed_at` when that is a single instant.
        seen: digests of versions that this run already produced; repeated ones are left out, new ones are added.
        is_deleted: marks all versions as deletions.

    Returns:
        The versions (`stream.arrow_schema`) and the quarantined objects (`QUARANTINE_SCHEMA`), each with a reason that
        names field and value. Both may be empty. Order follows `objects`.
    """
    rows = list(objects)
    instants = None if isinstance(observed_at, datetime) else [_micros(o) for o in observed_at]
    if instants is not None and len(instants) != len(rows):
        raise ValueError(f"{stream.name}: {len(rows)} objects but {len(instants)} instants of observation")
    if extracted_at is None:
        if not isinstance(observed_at, datetime):
            raise ValueError(f"{stream.name}: extracted_at is needed when observed_at is given per object")
        extracted_at = observed_at
    extracted = _micros(extracted_at)
    if instants is None:
        instants = [_micros(observed_at)] * len(rows)  # type: ignore[arg-type]
    if not rows:
        return stream.empty(), QUARANTINE_SCHEMA.empty_table()

    rejected: dict[int, str] = {}
    payloads, contents = _payloads(rows, rejected)
    ids, failures = _typed(rows, Column("id", "t", stream.id_path))
    _reject(rejected, failures)
    id_values = ids.to_pylist()
    for i, value in enumerate(id_values):
        if value is None:
            rejected.setdefault(i, f"{_label(stream.id_path, 'id')}: missing, and it identifies the object")

    modified = instants
    if stream.modified_path is not None:
        own, failures = _typed(rows, Column("modified_at", "ts", stream.modified_path, stream.modified_unit))
        _reject(rejected, failures)
        modified = own.cast(pa.int64()).to_pylist()
        for i, value in enumerate(modified):
            if value is None:
                rejected.setdefault(
                    i, f"{_label(stream.modified_path, 'modified_at')}: missing, and it dates the object"
                )
    if is_deleted or stream.deleted_path is None:
        deleted: list[bool] = [is_deleted] * len(rows)
    else:
        marks, failures = _typed(rows, Column("is_deleted", "b", stream.deleted_path))
        _reject(rejected, failures)
        deleted = [bool(mark) for mark in marks.to_pylist()]

    typed: list[pa.Array] = []
    for column in stream.columns:
        array, failures = _typed(rows, column)
        _reject(rejected, failures)
        typed.append(array)

    keep: list[int] = []
    hashes: list[str | None] = [None] * len(rows)
    seen = set() if seen is None else seen
    for i, key in enumerate(id_values):
        if i in rejected or (current is not None and not deleted[i] and current.get(key) == contents[i]):
            continue
        digest = _version_digest(key, contents[i], modified[i], deleted[i])
        if digest in seen:
            continue
        seen.add(digest)
        hashes[i] = digest.hex()
        keep.append(i)

    table = pa.Table.from_arrays(
        [
            ids,
            pa.array(modified, pa.int64()).cast(INSTANT),
            pa.array(deleted, pa.bool_()),
            pa.array(contents, pa.string()),
            pa.array(hashes, pa.string()),
            _constant_instant(extracted, len(rows)),
            pa.array(payloads, pa.string()),
            *typed,
        ],
        schema=stream.arrow_schema,
    )
    if len(keep) < len(rows):
        table = table.take(pa.array(keep, pa.int64()))
    return table, _quarantine(stream.name, rejected, id_values, payloads, extracted)


def deletion(
    stream: Stream,
    ids: Iterable[str],
    observed_at: datetime | Sequence[datetime],
    last: pa.Table | None = None,
    *,
    extracted_at: datetime | None = None,
    seen: set[bytes] | None = None,
) -> pa.Table:
    """Versions that record the deletion of objects.

    Args:
        stream: the objects' stream.
        ids: ids of the deleted objects.
        observed_at: when the deletions happened or were noticed (aware), one for all or one per id.
        last: newest stored versions of these objects (at least the stream's columns and `payload`): their payload and
            typed columns are carried over. An id that is absent gets the payload `{}` and no values.
        extracted_at: the run's instant; `observed_at` when that is a single instant.
        seen: as in `to_versions`.
    """
    keys = list(ids)
    if extracted_at is None:
        if not isinstance(observed_at, datetime):
            raise ValueError(f"{stream.name}: extracted_at is needed when observed_at is given per id")
        extracted_at = observed_at
    whens = (
        [_micros(observed_at)] * len(keys) if isinstance(observed_at, datetime) else [_micros(o) for o in observed_at]
    )
    if len(whens) != len(keys):
        raise ValueError(f"{stream.name}: {len(keys)} ids but {len(whens)} instants of observation")
    if not keys:
        return stream.empty()

    position = {} if last is None else {key: n for n, key in enumerate(last.column("id").to_pylist())}
    rows = pa.array([position.get(key) for key in keys], pa.int64())
    payloads = ["{}"] * len(keys)
    if last is not None:
        texts = last.column("payload").take(rows).to_pylist()
        payloads = ["{}" if text is None else text for text in texts]
    contents = [content_hash(text) for text in payloads]

    seen = set() if seen is None else seen
    keep: list[int] = []
    hashes: list[str | None] = [None] * len(keys)
    for i, key in enumerate(keys):
        digest = _version_digest(key, contents[i], whens[i], True)
        if digest not in seen:
            seen.add(digest)
            hashes[i] = digest.hex()
            keep.append(i)
    carried = [
        pa.nulls(len(keys), ARROW_TYPES[c.kind])
        if last is None
        else last.column(c.name).take(rows).combine_chunks().cast(ARROW_TYPES[c.kind])
        for c in stream.columns
    ]
    table = pa.Table.from_arrays(
        [
            pa.array(keys, pa.string()),
            pa.array(whens, pa.int64()).cast(INSTANT),
            pa.array([True] * len(keys), pa.bool_()),
            pa.array(contents, pa.string()),
            pa.array(hashes, pa.string()),
            _constant_instant(_micros(extracted_at), len(keys)),
            pa.array(payloads, pa.string()),
            *carried,
        ],
        schema=stream.arrow_schema,
    )
    return table if len(keep) == len(keys) else table.take(pa.array(keep, pa.int64()))


def fields_of(stream: Stream, objects: Sequence[JsonObject]) -> set[str]:
    """Names of the fields that the objects hold: top-level keys, and `container.key` for the stream's container."""
    items = [item for item in objects if isinstance(item, dict)]
    top: set[str] = set().union(*items)
    container = stream.container
    if container is None:
        return top
    held = [item[container] for item in items if isinstance(item.get(container), dict)]
    return top | {f"{container}.{name}" for name in set().union(*held)}


def mapped_fields(stream: Stream) -> set[str]:
    """Fields that a column reads, or that the stream declares as known: they are no news in a drift report."""
    paths = [stream.id_path, stream.modified_path, stream.deleted_path, *(c.source for c in stream.columns)]
    fields = set(stream.known_fields)
    for path in paths:
        for alternative in path.split("|") if isinstance(path, str) else ():
            keys = alternative.split(".")
            fields.add(keys[0])
            if len(keys) > 1 and keys[0] == stream.container:
                fields.add(".".join(keys[:2]))
    return fields | ({stream.container} if stream.container else set())


# --- reading values ---------------------------------------------------------------------------------------------


def read_path(item: JsonObject, path: FieldPath) -> Any:
    """The value at a path of an object, or None. See `Column.path`."""
    if not isinstance(path, str):
        return path(item)
    for alternative in path.split("|"):
        value: Any = item
        for key in alternative.split("."):
            value = value.get(key) if isinstance(value, dict) else None
            if value is None:
                break
        if value is not None:
            return value
    return None


def _values(rows: list[JsonObject], path: FieldPath) -> list[Any]:
    """The values at a path, one per object. Raises AttributeError or TypeError when an object has another shape."""
    if not isinstance(path, str):
        return [path(row) for row in rows]
    if "|" in path:
        return [read_path(row, path) for row in rows]
    match path.split("."):
        case [key]:
            return [row.get(key) for row in rows]
        case [outer, key]:
            return [(row.get(outer) or _EMPTY).get(key) for row in rows]
        case _:
            return [read_path(row, path) for row in rows]


def _typed(rows: list[JsonObject], column: Column) -> tuple[pa.Array, dict[int, str]]:
    """A column as an Arrow array, and the reasons of the rows whose value does not fit (NULL in the array)."""
    failures: dict[int, str] = {}
    label = _label(column.source, column.name)
    try:
        values = _values(rows, column.source)
    except (AttributeError, TypeError, ValueError, LookupError, ArithmeticError):
        values = []
        for i, row in enumerate(rows):
            try:
                values.append(read_path(row, column.source))
            except (AttributeError, TypeError, ValueError, LookupError, ArithmeticError) as error:
                values.append(None)
                failures[i] = f"{label}: cannot be read ({error})"
    try:
        array = _FAST[column.kind](values, column.unit)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        array = None
    if array is not None:
        return array, failures
    convert = _SLOW[column.kind]
    converted: list[Any] = []
    for i, value in enumerate(values):
        try:
            converted.append(None if value is None or value == "" else convert(value, column.unit))
        except (ValueError, TypeError, OverflowError, ArithmeticError) as error:
            converted.append(None)
            detail = f" ({error})" if isinstance(error, _Unfit) else ""
            failures.setdefault(i, f"{label}: {_shown(value)} is not {KIND_NAMES[column.kind]}{detail}")
    kind = ARROW_TYPES[column.kind]
    if column.kind == "ts":
        return pa.array(converted, pa.int64()).cast(INSTANT), failures
    return pa.array(converted, kind), failures


class _Unfit(ValueError):
    """A value of the right look that still does not fit, with words worth showing."""


# Fast conversions take the whole column and return None (or raise) when a value needs a closer look.


def _fast_text(values: list[Any], unit: str) -> pa.Array | None:
    if "" in values:
        values = [None if v == "" else v for v in values]
    return pa.array(values, pa.string())


def _fast_int(values: list[Any], unit: str) -> pa.Array | None:
    # Typed construction would truncate 1.5 to 1, so the type is inferred first.
    array = pa.array(values)
    if pa.types.is_int64(array.type):
        return array
    if pa.types.is_null(array.type):
        return array.cast(pa.int64())
    if pa.types.is_string(array.type) and not pc.any(pc.match_substring(array, "x", ignore_case=True)).as_py():
        return array.cast(pa.int64())  # Arrow would also read 0x1F, which nobody means
    return None


def _fast_decimal(values: list[Any], unit: str) -> pa.Array | None:
    array = pa.array(values)
    if pa.types.is_int64(array.type) or pa.types.is_null(array.type):
        return array.cast(DECIMAL)
    if pa.types.is_string(array.type):
        return array.cast(DECIMAL)
    return None


def _fast_bool(values: list[Any], unit: str) -> pa.Array | None:
    return pa.array(values, pa.bool_())


def _fast_instant(values: list[Any], unit: str) -> pa.Array | None:
    array = pa.array(values)
    if pa.types.is_int64(array.type) or pa.types.is_null(array.type):
        array = array.cast(pa.int64()).cast(pa.timestamp(unit, tz="UTC")).cast(INSTANT)
    elif pa.types.is_string(array.type):
        array = array.cast(INSTANT)
    else:
        return None
    bounds = pc.min_max(array.cast(pa.int64())).as_py()
    if bounds["min"] is not None and (bounds["min"] < _FIRST_YEAR_US or bounds["max"] > _LAST_YEAR_US):
        return None
    return array


def _fast_date(values: list[Any], unit: str) -> pa.Array | None:
    return pa.array(values, pa.string()).cast(pa.date32())


def _fast_json(values: list[Any], unit: str) -> pa.Array | None:
    return pa.array([None if v is None else canonical_json(v) for v in values], pa.string())


def _text(value: Any, unit: str) -> str:
    if isinstance(value, str):
        value.encode()
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    raise TypeError


def _int(value: Any, unit: str) -> int:
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, float):
        if not value.is_integer() or abs(value) > _EXACT_FLOAT:
            raise ValueError
        return int(value)
    if isinstance(value, str):
        number = _decimal_of(value)
        if number != number.to_integral_value():
            raise ValueError
        value = int(number)
    if not isinstance(value, int):
        raise TypeError
    if not -(2**63) <= value < 2**63:
        raise _Unfit("it needs more than 64 bits")
    return value


def _decimal(value: Any, unit: str) -> Decimal:
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, int):
        number = Decimal(value)
    elif isinstance(value, float):
        number = Decimal(repr(value))
    elif isinstance(value, str):
        number = _decimal_of(value)
    else:
        raise TypeError
    if not number.is_finite():
        raise ValueError
    if abs(number) >= _DECIMAL_LIMIT:
        raise _Unfit("it has more than 26 digits before the point")
    return number.quantize(_TWELVE_DIGITS, context=_DECIMAL_CONTEXT)


def _decimal_of(text: str) -> Decimal:
    plain = text.strip()
    if not plain.isascii() or "_" in plain:
        raise ValueError
    try:
        number = Decimal(plain)
    except InvalidOperation:
        raise ValueError from None
    if not number.is_finite() or abs(number.adjusted()) > 60:
        raise ValueError
    return number


def _bool(value: Any, unit: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if isinstance(value, int) and value in (0, 1):
        return value == 1
    raise ValueError


def _instant(value: Any, unit: str) -> int:
    """Microseconds since 1970 of a number in `unit`, of a number as text, or of an ISO 8601 text.

    A text without a zone is taken as UTC, a bare date as its midnight in UTC: that is what providers mean by them.
    """
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, str) and value.strip().lstrip("-").isdigit() and len(value.strip()) != 8:
        value = int(value)
    if isinstance(value, int | float):
        micros = round(value * (1_000_000 if unit == "s" else 1_000))
        if not _FIRST_YEAR_US <= micros <= _LAST_YEAR_US:
            raise _Unfit("the year lies beyond 9999" if value > 0 else "the year lies before 1")
        return micros
    if not isinstance(value, str):
        raise TypeError
    moment = datetime.fromisoformat(value.strip())
    return _micros(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


def _date(value: Any, unit: str) -> date:
    if not isinstance(value, str):
        raise TypeError
    return date.fromisoformat(value.strip())


def _json(value: Any, unit: str) -> str:
    return canonical_json(value)


_FAST: Mapping[str, Callable[[list[Any], str], pa.Array | None]] = {
    "t": _fast_text,
    "i": _fast_int,
    "d": _fast_decimal,
    "b": _fast_bool,
    "ts": _fast_instant,
    "dt": _fast_date,
    "j": _fast_json,
}
_SLOW: Mapping[str, Callable[[Any, str], Any]] = {
    "t": _text,
    "i": _int,
    "d": _decimal,
    "b": _bool,
    "ts": _instant,
    "dt": _date,
    "j": _json,
}

# --- payloads, hashes, quarantine -------------------------------------------------------------------------------


def _canonical_bytes(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer beyond 64 bits, or text with lone surrogates
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _payloads(rows: list[Any], rejected: dict[int, str]) -> tuple[list[str], list[str]]:
    """Canonical payload and content hash of each object; what is no JSON object is rejected and emptied in `rows`."""
    payloads: list[str] = []
    contents: list[str] = []
    for i, row in enumerate(rows):
        if not isinstance(row, dict):
            rejected[i] = f"{_shown(row)} is not a JSON object"
            row = rows[i] if isinstance(rows[i], list) else {"value": rows[i]}
            rows[i] = {}
        try:
            data = _canonical_bytes(row)
        except ValueError as error:
            rejected[i] = f"payload: cannot be stored as UTF-8 ({error})"
            data = json.dumps(row, sort_keys=True, separators=(",", ":")).encode()
            rows[i] = {}
        payloads.append(data.decode())
        contents.append(blake2b(data, digest_size=16).hexdigest())
    return payloads, contents


def _version_digest(key: str, content: str, modified: int, deleted: bool) -> bytes:
    return blake2b(f"{key}|{content}|{modified}|{deleted:d}".encode(), digest_size=16).digest()


def _quarantine(
    stream: str, rejected: Mapping[int, str], ids: Sequence[str | None], payloads: Sequence[str], extracted: int
) -> pa.Table:
    if not rejected:
        return QUARANTINE_SCHEMA.empty_table()
    chosen = sorted(rejected)
    return pa.Table.from_arrays(
        [
            pa.array([stream] * len(chosen), pa.string()),
            pa.array([ids[i] or "" for i in chosen], pa.string()),
            pa.array([rejected[i] for i in chosen], pa.string()),
            pa.array([payloads[i] for i in chosen], pa.string()),
            _constant_instant(extracted, len(chosen)),
        ],
        schema=QUARANTINE_SCHEMA,
    )


def _reject(rejected: dict[int, str], failures: Mapping[int, str]) -> None:
    for i, reason in failures.items():
        rejected.setdefault(i, reason)


def _constant_instant(micros: int, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(micros, pa.int64()), count).cast(INSTANT)


def _micros(moment: datetime) -> int:
    """Microseconds since 1970 of an aware instant."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _label(path: FieldPath, name: str) -> str:
    return path if isinstance(path, str) else name


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
