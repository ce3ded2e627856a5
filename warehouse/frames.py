"""Small tables between the warehouse and pandas, the same on every engine.

Amounts stay `Decimal`, days are `date`, instants are UTC timestamps.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from warehouse import meta
from warehouse.build_file import open_build
from warehouse.connections import quoted
from warehouse.engine import engine_of
from warehouse.settings import Settings

if TYPE_CHECKING:
    import pandas as pd


def read(settings: Settings, sql_or_table: str) -> pd.DataFrame:
    """The rows of a query, or of a table given as `schema.table`, of the build file."""
    is_table = re.fullmatch(r"\w+\.\w+", sql_or_table)
    query = f"select * from {quoted(*sql_or_table.split('.'))}" if is_table else sql_or_table
    with open_build(settings, read_only=True) as connection:
        # by way of Arrow, as DuckDB's own frames turn decimals into floats
        return connection.sql(query).to_arrow_table().to_pandas()


def write(settings: Settings, table: str, frame: pd.DataFrame, types: Mapping[str, str]) -> int:
    """Replace `schema.table` with the frame and return its number of rows.

    `types` gives every column and its SQL type, in order, so that an empty frame has the same table as a full one.
    Raises ValueError when the frame's columns are not those of `types`.
    """
    import pyarrow as pa

    if set(frame.columns) != set(types):
        difference = ", ".join(sorted(set(frame.columns) ^ set(types)))
        raise ValueError(f"{table}: the frame and the declared columns differ in {difference}")
    rows = pa.Table.from_pandas(frame, preserve_index=False)
    engine_of(settings).write(meta.current_run_id(settings), table, rows, dict(types))
    return len(frame)
