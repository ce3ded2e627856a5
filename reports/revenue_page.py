"""The revenue page: six metrics, movements, forecast and funnel of one published version, in one offline HTML file."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from reports import charts

SPARK_MONTHS = 24
CHART_MONTHS = 24
STAGES = ("lead", "mql", "sql", "opportunity", "customer")

DEFINITIONS = (
    (
        "Customer acquisition cost",
        "Sales and marketing cost of the month, people and tools included, over its new customers.",
    ),
    (
        "Customer lifetime value",
        "Sum over months of survival x revenue per customer x margin, discounted, to a capped horizon.",
    ),
    ("Customer churn rate", "Customers whose MRR went to zero in the month, over customers at its start."),
    (
        "Lead conversion rate",
        "Leads of a month that became paying customers within 90 days, once every lead is that old.",
    ),
    ("Revenue per customer", "Recognised revenue of the month over its paying customers."),
    (
        "Gross margin",
        "Recognised revenue less payment fees, hosting, support, third parties and customer success, over revenue.",
    ),
)


class NothingPublished(Exception):
    """There is no published version to make a page from."""


@dataclass(frozen=True)
class Part:
    """A figure that a metric is made of: its column, its unit, and what it is called on the page."""

    column: str
    unit: str
    label: str


@dataclass(frozen=True)
class Card:
    """One of the six metrics: what it is called, where it stands, whether more of it is better, and its parts."""

    title: str
    column: str
    unit: str
    more_is_better: bool
    parts: tuple[Part, ...]


CARDS = (
    Card(
        "Customer acquisition cost",
        "cac_fully_loaded",
        "money",
        False,
        (
            Part("sales_marketing_cost", "money", "sales and marketing"),
            Part("customers_new", "count", "new customers"),
        ),
    ),
    Card(
        "Customer lifetime value",
        "clv",
        "money",
        True,
        (Part("ltv_to_cac", "ratio", "x acquisition cost"), Part("clv_simple", "money", "by the simple form")),
    ),
    Card(
        "Customer churn rate",
        "customer_churn_rate",
        "share",
        False,
        (Part("customers_churned", "count", "churned"), Part("customers_start", "count", "customers at the start")),
    ),
    Card(
        "Lead conversion rate",
        "lead_conversion_rate",
        "share",
        True,
        (Part("leads_converted", "count", "converted"), Part("leads_created", "count", "leads of the month")),
    ),
    Card(
        "Revenue per customer",
        "revenue_per_customer",
        "money",
        True,
        (Part("recognised_revenue", "money", "recognised"), Part("customers_end", "count", "customers")),
    ),
    Card(
        "Gross margin",
        "gross_margin",
        "share",
        True,
        (Part("cost_of_revenue", "money", "cost of revenue"), Part("recognised_revenue", "money", "revenue")),
    ),
)


def render(published: Path, output: Path) -> Path:
    """Write the page of the published file `published` to `output`, whole or not at all, and return `output`.

    Raises NothingPublished when there is no such file or it has no complete month.
    """
    import jinja2

    page = collect(published)
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True)
    output.parent.mkdir(parents=True, exist_ok=True)
    _write(output, environment.get_template("page.html").render(bundle=_charting(output.parent), **page))
    return output


def _charting(folder: Path) -> str:
    """The JavaScript that draws charts, which is put together once a version and folder: it takes three seconds."""
    import vl_convert

    kept = folder / f".vega-{vl_convert.__version__}.js"
    if not kept.exists():
        for stale in folder.glob(".vega-*.js"):
            stale.unlink()
        _write(kept, vl_convert.javascript_bundle())
    return kept.read_text(encoding="utf-8")


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def collect(published: Path) -> dict[str, Any]:
    """Everything that the page shows, read from one published version in one connection."""
    import duckdb

    if not published.exists():
        raise NothingPublished(f"nothing is published at {published}: run `throughline refresh` first")
    with duckdb.connect(str(published), read_only=True) as connection:

        def query(sql: str) -> pd.DataFrame:
            return connection.execute(sql).df()

        months = query("select * from metrics.unit_economics_monthly order by month")
        complete = months[months["is_complete"].astype(bool)]
        if complete.empty:
            raise NothingPublished(f"{published} has no complete month yet: the page starts with the first one")
        currency = str(complete["currency"].iloc[-1])
        last_month = complete["month"].iloc[-1]
        run = query("select run_id, as_of from meta.runs order by as_of desc limit 1").iloc[0]
        checks = query("select check_name, passed, failing_rows from meta.checks")
        return {
            "header": {
                "month_label": month_label(last_month),
                "as_of": pd.Timestamp(run["as_of"]).strftime("%Y-%m-%d %H:%M"),
                "run_id": run["run_id"],
                "currency": currency,
                "policy_version": complete["policy_version"].iloc[-1],
            },
            "cards": [_card(card, complete, currency) for card in CARDS],
            "panels": _panels(query, months, last_month, currency),
            "failed_checks": checks[~checks["passed"].astype(bool)].to_dict("records"),
            "checks_passed": int(checks["passed"].astype(bool).sum()),
            "freshness": query(
                "select source, coalesce(strftime(max(loaded_at), '%Y-%m-%d %H:%M'), 'off') as loaded_at, "
                "sum(rows)::bigint as rows from meta.freshness group by source order by source"
            ).to_dict("records"),
            "definitions": DEFINITIONS,
        }


def month_label(month: Any) -> str:
    """A month as a person writes it: `June 2026`."""
    return pd.Timestamp(month).strftime("%B %Y")


def formatted(value: Any, unit: str, currency: str) -> str:
    """A figure as a person reads it: money in whole units of its currency, a share in per cent; a dash if unknown."""
    if pd.isna(value):
        return "–"
    if unit == "money":
        return f"{currency} {Decimal(str(value)).quantize(Decimal(1), ROUND_HALF_UP):,}"
    return {"share": f"{float(value):.1%}", "ratio": f"{float(value):.1f}", "count": f"{int(value):,}"}[unit]


def _card(card: Card, complete: pd.DataFrame, currency: str) -> dict[str, Any]:
    known = complete[complete[card.column].notna()]
    series = [None if pd.isna(value) else float(value) for value in complete[card.column].tail(SPARK_MONTHS)]
    shown = {"title": card.title, "sparkline": charts.sparkline(series), "change": None, "direction": ""}
    if known.empty:
        reason = complete.iloc[-1].get(f"{card.column}_reason")
        return shown | {"value": "–", "month_label": "no month with a figure", "parts": reason or "not available"}
    row = known.iloc[-1]
    value = row[card.column]
    text = formatted(value, card.unit, currency)
    if len(known) > 1:
        change = float(value) - float(known.iloc[-2][card.column])
        before = float(known.iloc[-2][card.column])
        if card.unit == "share":
            shown["change"] = f"{change * 100:+.1f} pt"
        elif before:
            shown["change"] = f"{change / before:+.1%}"
        if change:
            shown["direction"] = "up" if (change > 0) == card.more_is_better else "down"
    parts = " · ".join(f"{formatted(row[part.column], part.unit, currency)} {part.label}" for part in card.parts)
    return shown | {"value": text, "month_label": month_label(row["month"]), "parts": parts}


def _panels(query: Callable[[str], pd.DataFrame], months: pd.DataFrame, last_month: date, currency: str) -> list[dict]:
    movements = query(
        "select month, movement, amount from metrics.mrr_movements_monthly where amount <> 0 order by month, movement"
    )
    first_shown = pd.Timestamp(last_month) - pd.DateOffset(months=CHART_MONTHS - 1)
    shown = movements[
        (pd.to_datetime(movements["month"]) >= first_shown)
        & (pd.to_datetime(movements["month"]) <= pd.Timestamp(last_month))
    ]
    complete = months[months["is_complete"].astype(bool)]
    recent = complete[pd.to_datetime(complete["month"]) >= first_shown]
    forecast = query("select * from insights.revenue_forecast where measure = 'mrr' order by month")
    funnel, funnel_title = _funnel(query)
    return [
        {
            "title": "MRR movements",
            "subtitle": "what each month added and lost; the line is the net",
            "spec": charts.movements_chart(shown, currency) if not shown.empty else None,
        },
        {
            "title": "MRR and its forecast",
            "subtitle": _forecast_subtitle(query, forecast),
            "spec": charts.forecast_chart(recent, forecast, currency),
        },
        {
            "title": "Funnel",
            "subtitle": funnel_title,
            "spec": charts.funnel_chart(funnel) if not funnel.empty else None,
        },
        {
            "title": "Advertising spend by channel",
            "subtitle": f"the twelve months to {month_label(last_month)}",
            "spec": _spend(query, last_month, currency),
        },
    ]


def _forecast_subtitle(query: Callable[[str], pd.DataFrame], forecast: pd.DataFrame) -> str:
    accuracy = query("select * from insights.forecast_accuracy where measure = 'mrr'")
    if forecast.empty:
        return str(accuracy["reason"].iloc[0]) if not accuracy.empty else "no history to forecast from"
    chosen = accuracy[accuracy["is_selected"].astype(bool)].iloc[0]
    return (
        f"{chosen['model'].replace('_', ' ')} won the backtest; its 80 % interval held {chosen['coverage_80']:.0%} "
        f"and its 95 % interval {chosen['coverage_95']:.0%} of the months left out"
    )


def _funnel(query: Callable[[str], pd.DataFrame]) -> tuple[pd.DataFrame, str]:
    """Leads of the twelve newest complete months and how many of them have reached each stage by now."""
    rows = query(
        "select stage, cast(sum(reached) as bigint) as people, min(cohort_month) as first_month, "
        "max(cohort_month) as last_month from metrics.funnel_cohorts where cohort_month in ("
        "select distinct cohort_month from metrics.funnel_cohorts order by cohort_month desc limit 12) group by stage"
    )
    rows = rows[rows["stage"].isin(STAGES)].copy()
    rows["rank"] = rows["stage"].map(STAGES.index)
    rows = rows.sort_values("rank")
    if rows.empty or not rows["people"].iloc[0]:
        return rows.iloc[0:0], "no leads yet"
    span = f"{month_label(rows['first_month'].iloc[0])} to {month_label(rows['last_month'].iloc[0])}"
    return rows, f"leads of {span}, and how far they have come"


def _spend(query: Callable[[str], pd.DataFrame], last_month: date, currency: str) -> str | None:
    end = pd.Timestamp(last_month) + pd.DateOffset(months=1)
    start = end - pd.DateOffset(months=12)
    spend = query(
        "select coalesce(c.channel, 'unknown') as channel, sum(s.amount) as amount from journey.fct_spend as s "
        "left join journey.dim_channels as c on s.channel_key = c.channel_key "
        f"where s.spent_on >= date '{start:%Y-%m-%d}' and s.spent_on < date '{end:%Y-%m-%d}' group by 1"
    )
    return charts.channel_chart(spend, currency) if not spend.empty else None


def main(arguments: list[str] | None = None) -> int:
    """`python -m reports.revenue_page PUBLISHED OUTPUT`: make the page by hand."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("published", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args(arguments)
    try:
        print(render(options.published, options.output))
    except NothingPublished as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
