"""Carrying on: what a night does to a table on DuckDB instead of building it whole, when few rows of what it reads have
changed since the last complete build (`warehouse.changes`).

A model says by which columns its rows stand apart (`carried` in dbt/macros/engine/carry.sql): the rows of one value
of `by` depend on those rows alone that the same value has in its inputs. The values whose inputs changed are made
again, by the model's own query on what its inputs hold of them; rows that come out as they stood stay, and those that
differ are kept in memory, in `carried.<model>`, for the models that read it. A model that says nothing is built
whole, unless nothing that it reads has changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from warehouse.changes import Night

Run = Callable[[str], list[tuple[Any, ...]]]

# a row that is deleted stays in the file: a table is written anew when it has room for so many times its rows
WORN = 1.25
# a database in memory for the rows that differ: the next night has no use for them
MEMORY = "carried"
# types of more than 64 bits
WIDE = re.compile(r"U?HUGEINT|DECIMAL\((19|[23]\d),\d+\)")


@dataclass
class Input:
    """What a model reads, apart from seeds, which change with the project only.

    `relation` is its name in SQL and `logged` its name in the log, `schema.table`. Where it is a view of one raw
    table and of nothing else, `raw` is the relation of that table and `query` the view's text. `changed` counts the
    rows that came or went since the last build; None when nobody knows. `news` is the relation of these rows, as far
    as the model can see them.
    """

    relation: str
    logged: str
    is_raw: bool
    columns: Sequence[str]
    changed: int | None
    raw: str = ""
    query: str = ""
    news: str = ""


@dataclass
class Spec:
    """What a model says of itself; see `carried` in dbt/macros/engine/carry.sql. `due`: None when nothing of time."""

    by: Sequence[str] = ()
    keyed: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    lookups: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    due: Mapping[str, str] | None = None

    def names(self) -> list[str]:
        """The inputs of which a part is enough, keyed ones first: what is small is read whole."""
        others = [name for name, how in self.lookups.items() if name not in self.keyed and not how.get("whole")]
        return [*self.keyed, *others]


class Carried:
    """A model in a night that carries on from the build before.

    Args:
        night: what the night knows, and is told.
        this: the model's table or view in SQL.
        logged: the same as `schema.table`.
        inputs: what it reads, by the names that `spec` has for them.
        spec: what it says of itself, in the run's own terms.
        is_view: it is a view, of one raw table where `inputs` is one.
        run: executes a statement in the build file and gives its rows. Temporary tables last as long as the model.
    """

    def __init__(
        self, night: Night, this: str, logged: str, inputs: Mapping[str, Input], spec: Spec, is_view: bool, run: Run
    ) -> None:
        self.night, self.this, self.logged, self.inputs = night, this, logged, inputs
        self.spec, self.is_view, self._run = spec, is_view, run
        self._changes = changes_of(logged)
        self._columns = night.columns.get(logged, {})
        self._has_null_keys = False

    def stands(self, is_timed: bool) -> bool:
        """Whether none of what the model reads has changed, nor time alone changes it. Then the log says so.

        `is_timed`: the model may hold the run's instant.
        """
        if self._is_view_of_raw() and self.logged not in self.night.views:
            return False
        return self._is_settled(is_timed)

    def build(self, query: str, ordered: str, is_timed: bool) -> None:
        """Bring the model's table or view to what its query gives, and log in which rows it differs from before.

        `ordered`: the query, with the columns of a contract in its order. `is_timed`: it holds the run's instant.
        """
        if self.is_view:
            self._run(f"create or replace view {self.this} as {ordered}")
            if self._is_view_of_raw():
                self.night.views[self.logged] = query
        if self.is_same(query, is_timed):
            return
        is_followed = self._is_followed() and not (is_timed and self.spec.due is None)
        if self.is_view:
            if is_followed:
                self._log_view(query)
        elif not (is_followed and self._carry_on(query)):
            self._replace(ordered)

    def is_same(self, query: str, is_timed: bool) -> bool:
        """Whether nothing of what its query can see has changed, nor time alone changes it. Then the log says so."""
        # what time may change anywhere needs no look at what changed
        if is_timed and self.spec.due is None:
            return False
        self._see(query)
        return self._is_settled(is_timed)

    def remember(self) -> None:
        """Keep what the table holds, for `compare` to tell what another way of making it has changed."""
        self._run(f"create or replace temp table carried_gone as from {self.this}")

    def compare(self) -> None:
        """Log in which rows the table differs from what was remembered."""
        if self._differs("carried_gone", self.this):
            self._log("carried_gone", self.this)

    def _see(self, query: str) -> None:
        """Leave of the changes of each input those that the model can see: a column whose name is not in its query, nor
        among its own columns, plays no part in it.
        """
        words = set(re.findall("[a-z_][a-z_0-9]*", f"{query} {self.spec}")) | set(self._columns)
        hidden = []
        for name, read in self.inputs.items():
            seen = [column for column in read.columns if column in words]
            is_whole = len(seen) == len(read.columns)
            read.columns = seen
            if not read.changed or read.is_raw:
                continue
            read.news = changes_of(read.logged)
            if not is_whole:
                hidden.append((name, read))
        if not hidden:
            return
        statements = []
        for name, read in hidden:
            statements.append(
                f"create or replace temp table carried_changed_{name} as "
                f"select {_listed(read.columns)} from {read.news} "
                "group by all having sum(case when carried_is_gone then 1 else -1 end) <> 0"
            )
            read.news = f"carried_changed_{name}"
        counts = ", ".join(f"(select count(*) from {read.news})" for _, read in hidden)
        for (_, read), count in zip(hidden, self._run(f"{'; '.join(statements)}; select {counts}")[0], strict=True):
            read.changed = count

    def _is_view_of_raw(self) -> bool:
        return self.is_view and len(self.inputs) == 1 and all(read.is_raw for read in self.inputs.values())

    def _is_settled(self, is_timed: bool) -> bool:
        """Whether no input has changed, as far as is known, and nothing is due. Then the log says so."""
        if any(read.changed != 0 for read in self.inputs.values()) or (is_timed and self._is_due()):
            return False
        self.night.changed[self.logged] = 0
        return True

    def _is_followed(self) -> bool:
        """Whether the model says which of its rows the changes of its inputs concern."""
        spec = self.spec
        return bool(spec.by) and all(
            read.changed == 0 or (read.changed is not None and (name in spec.keyed or name in spec.lookups))
            for name, read in self.inputs.items()
        )

    def _is_due(self) -> bool:
        """Whether a condition of `due` holds for a row, or nothing is said of time."""
        if self.spec.due is None:
            return True
        conditions = [
            f"exists (select 1 {self._rows_of(name)} where {self._in_raw(name, condition)})"
            for name, condition in self.spec.due.items()
        ]
        return bool(conditions) and self._run(f"select {' or '.join(conditions)}")[0][0]

    def _rows_of(self, name: str) -> str:
        """Of a view of a raw table, all versions of what it shows."""
        read = self.inputs.get(name)
        return f"from {self.this if read is None else read.raw or read.relation}"

    def _in_raw(self, name: str, expression: str) -> str:
        """SQL on the columns of a view of one raw table, on the columns of that table. What a key or a condition names
        is called there as it is here, but for the id.
        """
        query = self.inputs[name].query if name in self.inputs else ""
        own_id = re.search(r"(?m)^ *id as (\w+)", query)
        return re.sub(rf"\b{own_id[1]}\b", "id", expression) if own_id else expression

    def _keys(self) -> str:
        """The values of the model's key that have to be made again, as a query of carried_key_1, carried_key_2, ..."""
        parts = []
        for name, keys in self.spec.keyed.items():
            if self.inputs[name].changed:
                parts += [f"select distinct {_named(key)} from {self._news(name)}" for key in keys]
        for name, how in self.spec.lookups.items():
            if self.inputs[name].changed:
                parts += self._keys_that_find(name, f"select {how['on']} from {self._news(name)}")
        for name, condition in (self.spec.due or {}).items():
            parts += self._keys_where(name, condition)
        return " union ".join(parts)

    def _news(self, name: str) -> str:
        """The rows of an input that came, went or changed since the last build; of a raw table, those that came."""
        read = self.inputs[name]
        if not read.is_raw:
            return read.news
        since, now = _instant(self.night.since), _instant(self.night.as_of)
        return f"(select * from {read.relation} where extracted_at > {since} and extracted_at <= {now})"

    def _keys_that_find(self, name: str, values: str) -> list[str]:
        """Queries of the keys whose rows find, through a look-up, a row of one of the values that a query gives."""
        return [
            query
            for through, columns in self.spec.lookups[name]["through"].items()
            for column in columns
            for query in self._keys_where(through, column, f" in ({values})")
        ]

    def _keys_where(self, name: str, own: str, rest: str = "") -> list[str]:
        """Queries of the keys that rest on the rows of an input, or of the table itself, for which `own`, SQL on their
        columns, and `rest`, SQL on others, are a condition that holds.
        """
        origin = f"{self._rows_of(name)} where ({self._in_raw(name, own)}){rest}"
        if name == "this":
            return [f"select distinct {_named(self.spec.by)} {origin}"]
        parts = [f"select distinct {self._in_raw(name, _named(key))} {origin}" for key in self.spec.keyed.get(name, ())]
        if name in self.spec.lookups:
            found = self._in_raw(name, self.spec.lookups[name]["on"])
            parts += self._keys_that_find(name, f"select {found} {origin}")
        return parts

    def _of_keys(self, relation: str, key: Sequence[str], columns: str = "kept.*") -> str:
        """What a relation holds of the values that are made again, as a query."""
        # the engine reads less for a plain comparison
        same = "is not distinct from" if self._has_null_keys else "="
        pairs = [f"({part}) {same} carried_keys.carried_key_{number}" for number, part in enumerate(key, 1)]
        return f"select {columns} from {relation} as kept semi join carried_keys on {' and '.join(pairs)}"

    def _condition(self, name: str, in_raw: bool = False) -> str:
        """The condition on an input's columns by which it is read: it holds one of the values, or a look-up finds it.

        `in_raw`: on the columns of the raw table that the input is a view of.
        """
        spec = self.spec

        def own(expression: str) -> str:
            return self._in_raw(name, expression) if in_raw else expression

        # NULLs are the same in a tuple only
        more = ", 1" if self._has_null_keys else ""
        parts = [
            f"({own(', '.join(key))}{more}) in (select ({', '.join(_key_columns(key))}{more}) from carried_keys)"
            for key in spec.keyed.get(name, ())
        ]
        for through, columns in spec.lookups.get(name, {}).get("through", {}).items():
            for column in columns:
                if through != "this":
                    values = f"{column} from {_taken(through)}"
                elif column in spec.by:
                    values = f"carried_key_{list(spec.by).index(column) + 1} from carried_keys"
                else:
                    return "true"
                parts.append(f"({own(spec.lookups[name]['on'])}) in (select {values})")
        return " or ".join(parts)

    def _on_part(self, query: str, as_tables: bool = False) -> tuple[list[str], str]:
        """The statements that make temporary tables of what the inputs hold of the values that are made again, and the
        model's query on these. What the query reads once alone is not made a table.

        `as_tables`: make one of each part.
        """
        looked_through = {through for how in self.spec.lookups.values() for through in how["through"]}
        statements = []
        for name in self.spec.names():
            read, keys = self.inputs[name], self.spec.keyed.get(name, ())
            condition = self._condition(name)
            is_raw_part = bool(read.query) and condition != "true"
            if is_raw_part:
                statements.append(
                    f"create or replace temp table carried_ids as select distinct id from {read.raw} "
                    f"where {self._condition(name, in_raw=True)}"
                )
                # the engine does not push the condition down to the raw rows
                part = f"(select * from {read.raw} where id in (select id from carried_ids))"
                kept = f"select * from ({read.query.replace(read.raw, part)}) as given where {condition}"
            elif len(keys) == 1 and name not in self.spec.lookups:
                kept = self._of_keys(read.relation, keys[0])
            else:
                kept = f"select * from {read.relation} where {condition}"
            part = f"(select {_listed(read.columns)} from ({kept}) as given)"
            if as_tables or is_raw_part or name in looked_through or query.count(read.relation) > 1:
                statements.append(f"create or replace temp table {_taken(name)} as {part}")
                part = _taken(name)
            query = query.replace(read.relation, part)
        # a query may end in a comment
        return statements, f"{query}\n"

    def _carry_on(self, query: str) -> bool:
        """Make the rows of the table again whose inputs changed. Gives whether it was done: where so many are to be
        made again that the whole is as cheap, nothing was.
        """
        nulls = " or ".join(f"{column} is null" for column in _key_columns(self.spec.by))
        keys, null_keys, rows, room = self._run(
            f"create or replace temp table carried_keys as {self._keys()}; "
            f"select count(*), count(*) filter (where {nulls}), "
            f"(select count(*) from {self.this}), (select max(rowid) + 1 from {self.this}) from carried_keys"
        )[0]
        if keys == 0:
            self.night.changed[self.logged] = 0
            return True
        self._has_null_keys = null_keys > 0
        stood = self._of_keys(self.this, self.spec.by, self._placed("kept"))
        gone = self._run(f"create or replace temp table carried_gone as {stood}")[0][0]
        if gone > rows * self.night.share:
            return False
        statements, query = self._on_part(query)
        made = self._of_keys(f"({query})", self.spec.by)
        # no insert into an empty table: DuckDB 2.0 loses what comes in whole row groups to one of the same transaction
        statements.append(
            f"create or replace temp table carried_come as (from {self.this} limit 0) union all by name ({made})"
        )
        self._run("; ".join(statements))
        if self._differs("carried_gone", "carried_come", is_placed=True):
            self._write("carried_gone", is_worn=(room or 0) > WORN * rows)
        return True

    def _replace(self, query: str) -> None:
        """Give the table the rows of a query; only those that differ are written, unless they are many."""
        come = self._run(f"create or replace temp table carried_come as {query}")[0][0]
        placed = f"(select {self._placed('kept')} from {self.this} as kept)"
        differing = self._differs(placed, "carried_come", is_placed=True)
        if not differing:
            return
        room = self._run(f"select max(rowid) + 1 from {self.this}")[0][0]
        if differing > come or (room or 0) > WORN * come:
            self._write(placed, anew="from carried_come")
        else:
            self._write(placed)

    def _log_view(self, query: str) -> None:
        """Log in which rows a view differs from what it was at the last build: its query on its inputs as they stand,
        and as they stood.
        """
        parts, own = self._on_part(query, as_tables=True)
        statements = [f"create or replace temp table carried_keys as {self._keys()}", *parts]
        statements.append(f"create or replace temp table carried_come as {own}")
        for name in self.spec.names():
            read = self.inputs[name]
            if not read.changed:
                continue
            if read.is_raw:
                stood = f"select * from {_taken(name)} where extracted_at <= {_instant(self.night.since)}"
            else:
                changed = f"{changes_of(read.logged)} where ({self._condition(name)})"
                columns = _listed(read.columns)
                stood = (
                    f"select * from {_taken(name)} "
                    f"except all select {columns} from {changed} and not carried_is_gone "
                    f"union all select {columns} from {changed} and carried_is_gone"
                )
            statements.append(f"create or replace temp table {_taken(name)} as {stood}")
        statements.append(f"create or replace temp table carried_gone as {own}")
        self._run("; ".join(statements))
        if self._differs("carried_gone", "carried_come"):
            self._log("carried_gone", "carried_come")

    def _hash(self, row: str) -> str:
        """What a row is told apart by, 64 bits. DuckDB's hash of a number of more bits is the same for 0 and -1, or
        0.0000 and -0.0001: their sign is hashed as well.
        """
        wide = [name for name, kind in self._columns.items() if WIDE.fullmatch(kind)]
        return f"hash({', '.join([row, *(f'{row}.{name} < 0' for name in wide)])})"

    def _placed(self, row: str) -> str:
        """The columns of the table's rows, with the place of each in it and its hash."""
        return f"{row}.*, {row}.rowid as carried_row, {self._hash(row)} as carried_hash"

    def _differs(self, gone: str, come: str, is_placed: bool = False) -> int:
        """Find the hashes by which two tables differ, and count them. When there are none, the log says so.

        `is_placed`: the first table has its rows' hashes.
        """
        own_hash = "old.carried_hash" if is_placed else self._hash("old")
        differing = self._run(
            "create or replace temp table carried_differing as select row_hash from ("
            f"select {own_hash} as row_hash, -1 as copies from {gone} as old "
            f"union all select {self._hash('new')} as row_hash, 1 as copies from {come} as new"
            ") as sides group by row_hash having sum(copies) <> 0"
        )[0][0]
        if not differing:
            self.night.changed[self.logged] = 0
        return differing

    def _log(self, gone: str, come: str, is_placed: bool = False) -> None:
        """Keep the rows that differ for the models that read this one."""
        own_hash = "old.carried_hash" if is_placed else self._hash("old")
        # two models that attach it at once would be in each other's way, `if not exists` or not
        with self.night.keeping:
            if not self.night.is_kept:
                self._run(f"attach if not exists ':memory:' as {MEMORY}")
                self.night.is_kept = True
        written = self._run(
            f"create table {self._changes} as "
            f"select old.*{' exclude (carried_hash)' if is_placed else ''}, true as carried_is_gone "
            f"from {gone} as old semi join carried_differing on {own_hash} = carried_differing.row_hash "
            f"union all select new.*, {'null as carried_row, ' if is_placed else ''}false as carried_is_gone "
            f"from {come} as new semi join carried_differing on {self._hash('new')} = carried_differing.row_hash"
        )
        self.night.changed[self.logged] = written[0][0]

    def _write(self, gone: str, is_worn: bool = False, anew: str = "") -> None:
        """Log the rows that differ and bring them into the table: row by row, or by writing all of it when it is worn.

        `anew`: the query that gives the whole table.
        """
        out = f"(select carried_row from {self._changes} where carried_is_gone)"
        come = f"select * exclude (carried_row, carried_is_gone) from {self._changes} where not carried_is_gone"
        if is_worn:
            anew = f"select * from {self.this} where rowid not in {out} union all {come}"
        self._log(gone, "carried_come", is_placed=True)
        if anew:
            self._run(f"create or replace table {self.this} as {anew}")
        else:
            self._run(f"begin; delete from {self.this} where rowid in {out}; insert into {self.this} {come}; commit")


def changes_of(logged: str) -> str:
    """The table of the rows of a model that differ from the last build's, `carried_is_gone` where they are no more."""
    return f'{MEMORY}.main."{logged.partition(".")[2]}"'


def spec_of(said: Mapping[str, Any] | None, night: Night, local: Mapping[str, str]) -> Spec:
    """What a model says of itself in its configuration, in the run's own terms.

    `local`: SQL for the `date` and the `midnight` of the reporting zone, with `{}` for what they are of.
    """
    if said is None:
        return Spec()
    text = json.dumps(said).replace(":since", _timestamp(night.since)).replace(":now", _timestamp(night.as_of))
    # the innermost first
    while found := re.search(r"\[\[(date|midnight) ([^\[\]]*)\]\]", text):
        text = text.replace(found[0], local[found[1]].replace("{}", found[2]))
    return Spec(**json.loads(text))


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns) or "1 as carried_one"


def _key_columns(key: Iterable[str]) -> list[str]:
    return [f"carried_key_{number}" for number, _ in enumerate(key, 1)]


def _named(key: Sequence[str]) -> str:
    return ", ".join(f"{part} as {column}" for part, column in zip(key, _key_columns(key), strict=True))


def _taken(name: str) -> str:
    return f"carried_{name.replace('.', '__')}"


def _timestamp(instant: str) -> str:
    return f"cast('{instant}' as timestamp)"


def _instant(text: str) -> str:
    return f"cast('{text}+00:00' as timestamptz)"
