"""The insights as assets: small aggregates in, pure functions, tables out."""

from collections.abc import Iterator

import dagster as dg

from dagster_project.resources import Warehouse
from warehouse import frames, meta
from warehouse.progress import say

HISTORY = """
    select 'mrr' as measure, month, mrr_end as amount, is_complete from metrics.unit_economics_monthly
    union all
    select 'recognised_revenue', month, recognised_revenue, is_complete from metrics.unit_economics_monthly
    order by all
"""

MONEY = "decimal(18, 4)"
TABLES = {
    "revenue_forecast": {
        "measure": "varchar",
        "month": "date",
        "horizon": "integer",
        "origin_month": "date",
        "model": "varchar",
        "forecast": MONEY,
        "lower_80": MONEY,
        "upper_80": MONEY,
        "lower_95": MONEY,
        "upper_95": MONEY,
    },
    "forecast_backtest": {
        "measure": "varchar",
        "model": "varchar",
        "origin_month": "date",
        "horizon": "integer",
        "month": "date",
        "forecast": MONEY,
        "actual": MONEY,
        "absolute_error": MONEY,
    },
    "forecast_accuracy": {
        "measure": "varchar",
        "model": "varchar",
        "is_selected": "boolean",
        "mase": "double",
        "mean_absolute_error": MONEY,
        "n": "integer",
        "origins": "integer",
        "coverage_80": "double",
        "coverage_95": "double",
        "reason": "varchar",
    },
}


def schema_of(columns: dict[str, str]) -> dg.TableSchema:
    """Declared columns as Dagster shows them."""
    return dg.TableSchema([dg.TableColumn(name, kind) for name, kind in columns.items()])


@dg.multi_asset(
    name="insights",
    specs=[
        dg.AssetSpec(
            ["insights", table],
            deps=[["metrics", "unit_economics_monthly"]],
            group_name="insights",
            kinds={"python", "duckdb"},
            metadata={"dagster/table_name": f"insights.{table}", "dagster/column_schema": schema_of(columns)},
        )
        for table, columns in TABLES.items()
    ],
    pool="warehouse",
)
def forecasts(warehouse: Warehouse) -> Iterator[dg.MaterializeResult]:
    """The revenue forecast, and how its models did before."""
    from insights.forecast import revenue_forecast

    forecast = revenue_forecast(frames.read(warehouse.settings, HISTORY))
    written = {
        table: frames.write(warehouse.settings, f"insights.{table}", getattr(forecast, table), columns)
        for table, columns in TABLES.items()
    }
    meta.record_builds(warehouse.settings, warehouse.run.run_id, [f"insights.{table}" for table in TABLES])
    say(f"insights: {written['revenue_forecast']} months of forecast, {written['forecast_backtest']} of backtest")
    for table, rows in written.items():
        yield dg.MaterializeResult(asset_key=["insights", table], metadata={"dagster/row_count": rows})
