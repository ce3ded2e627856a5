"""What is published, in lines of text: `throughline status` and `throughline metrics`."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from warehouse import meta, publish
from warehouse.connections import open_duckdb
from warehouse.settings import Settings

NOTHING = "nothing is published yet: run `throughline refresh`"
RUNS_SHOWN = 5

# column of the mart, heading, unit
METRICS = (
    ("cac_fully_loaded", "CAC", "money"),
    ("clv", "CLV", "money"),
    ("customers_churned", "churned", "count"),
    ("customer_churn_rate", "churn rate", "share"),
    ("lead_conversion_rate", "lead conv.", "share"),
    ("revenue_per_customer", "rev./customer", "money"),
    ("gross_margin", "gross margin", "share"),
    ("customers_end", "customers", "count"),
    ("mrr_end", "MRR", "money"),
)


def status_lines(settings: Settings) -> list[str]:
    """The current version, the others, the last runs, rows, and checks that did not pass."""
    version = publish.current(settings)
    if version is None:
        return [NOTHING]
    manifest = version.manifest
    lines = [
        f"published   {version.run_id}",
        f"as of       {manifest['as_of']}",
        f"since       {version.published_at}",
        f"file        {settings.published_path} -> {version.path.name} ({manifest['bytes'] / 1024**2:.1f} MB)",
    ]
    others = [other.run_id for other in publish.versions_of(settings) if other.run_id != version.run_id]
    lines.append(f"earlier     {', '.join(others) if others else 'none'}")
    with open_duckdb(settings.published_path, read_only=True) as connection:
        runs = connection.execute(
            "select run_id, status, coalesce(reason, '') from meta.runs order by started_at desc limit ?", [RUNS_SHOWN]
        ).fetchall()
        warnings = meta.failed_checks(connection, "warning")
        passed = connection.execute("select count(*) from meta.checks where passed").fetchone()
        sources = connection.execute(
            "select source, bool_or(is_configured), sum(rows), strftime(max(loaded_at), '%Y-%m-%d %H:%M') "
            "from meta.freshness group by source order by source"
        ).fetchall()
    lines.append("runs")
    lines += [f"  {run_id}  {status}{': ' + reason if reason else ''}" for run_id, status, reason in runs]
    lines.append("sources")
    lines += [
        f"  {source:<10} " + (f"{rows:>12,} versions, read {loaded} UTC" if is_on else "off")
        for source, is_on, rows, loaded in sources
    ]
    lines.append("rows")
    lines += [
        f"  {table:<40} {rows:>12,}" for table, rows in sorted(version.rows.items()) if not table.startswith("meta.")
    ]
    lines.append(f"checks      {passed[0] if passed else 0} passed, {len(warnings)} warn")
    lines += [f"  {check}" for check in warnings]
    return lines


def metric_lines(settings: Settings, months: int) -> list[str]:
    """The six metrics by month as a table, the newest month last; months that are not over yet are marked."""
    if publish.current(settings) is None:
        return [NOTHING]
    columns = ", ".join(column for column, _, _ in METRICS)
    with open_duckdb(settings.published_path, read_only=True) as connection:
        rows = connection.execute(
            f"select strftime(month, '%Y-%m'), is_complete, currency, {columns} "
            "from metrics.unit_economics_monthly order by month desc limit ?",
            [months],
        ).fetchall()
    if not rows:
        return ["the published version has no month yet: is a billing source configured?"]
    currency = rows[0][2]
    headings = ["month", *(f"{heading} {currency}" if unit == "money" else heading for _, heading, unit in METRICS)]
    table = [headings]
    for month, is_complete, _, *values in reversed(rows):
        figures = [_figure(value, unit) for value, (_, _, unit) in zip(values, METRICS, strict=True)]
        table.append([month if is_complete else f"{month}*", *figures])
    widths = [max(len(row[place]) for row in table) for place in range(len(headings))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
    if any(not row[1] for row in rows):
        lines.append("* the month is not over; - means not known, or too few to say")
    return lines


def _figure(value: Any, unit: str) -> str:
    """A figure as a person reads it; a dash when it is not known."""
    if value is None:
        return "-"
    if unit == "money":
        return f"{Decimal(str(value)).quantize(Decimal(1), ROUND_HALF_UP):,}"
    return f"{float(value):.1%}" if unit == "share" else f"{int(value):,}"
