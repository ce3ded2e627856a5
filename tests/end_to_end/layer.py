"""The semantic layer against the marts: how each metric is compared, month by month.

Facts keep four decimals and marts round; a metric of the layer is rounded as its mart is before the two are compared,
so that money agrees exactly. A metric that no mart shows is only asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from warehouse.semantic import Layer

Figures = Mapping[str, Any]
MONTHLY = "metrics.unit_economics_monthly"
ROLLFORWARD = "metrics.mrr_rollforward"
GROWTH = "metrics.growth_efficiency_monthly"
WINS = "(select * from metrics.win_rates where basis = 'closed' and segment_type = 'all')"
CYCLES = "(select * from metrics.sales_cycles where segment_type = 'all')"
COVERAGE = "(select * from metrics.pipeline_coverage where measured = 'start')"
HANDOFFS = "(select * from metrics.lead_handoffs where segment_type = 'all')"
MOVEMENTS = ("new", "expansion", "contraction", "churn", "reactivation", "fx")


def cents(value: Any) -> Decimal | None:
    """Money as a mart shows it."""
    return None if value is None else Decimal(str(value)).quantize(Decimal("0.01"), ROUND_HALF_UP)


def money(name: str) -> Callable[[Figures], Any]:
    return lambda layer: cents(layer[name])


def count(name: str) -> Callable[[Figures], Any]:
    return lambda layer: layer[name]


def margin(profit: Callable[[Figures], Any], revenue: str) -> Callable[[Figures], Any]:
    """A share of an amount that the mart has rounded."""

    def shown(layer: Figures) -> Any:
        left, whole = profit(layer), cents(layer[revenue] or 0)
        return None if left is None or not whole or whole < 0 else float(left) / float(whole)

    return shown


def less(amount: str, cost: str) -> Callable[[Figures], Any]:
    """A difference of amounts that the mart has rounded."""

    def shown(layer: Figures) -> Any:
        return None if layer[cost] is None else cents(layer[amount] or 0) - cents(layer[cost])

    return shown


def money_per(numerator: str, denominator: str) -> Callable[[Figures], Any]:
    """An amount each, rounded again."""

    def each(layer: Figures) -> Any:
        amount, number = cents(layer[numerator]), layer[denominator]
        return None if amount is None or not number else cents(amount / Decimal(number))

    return each


def moved(movement: str) -> Callable[[Figures], Any]:
    """A movement as the roll-forward shows it: the difference of two rounded running totals."""

    def shown(layer: Figures) -> Any:
        steps = MOVEMENTS[: MOVEMENTS.index(movement) + 1]
        amounts = [Decimal(layer[name] or 0) for name in ("mrr_start", *(f"mrr_{step}" for step in steps))]
        return cents(sum(amounts)) - cents(sum(amounts[:-1]))

    return shown


def lost(*movements: str) -> Callable[[Figures], Any]:
    """A share of the MRR at the start that movements took, all as the roll-forward shows them."""

    def shown(layer: Figures) -> Any:
        start = cents(layer["mrr_start"])
        return float(-sum(moved(movement)(layer) for movement in movements)) / float(start) if start else None

    return shown


def payback(layer: Figures) -> Any:
    """Months of gross profit of a new customer that pay for its acquisition, from rounded parts."""
    cost = money_per("sales_marketing_cost", "customers_new")(layer)
    share = margin(GROSS_PROFIT, "recognised_revenue")(layer)
    new = cents(moved("new")(layer) / Decimal(layer["customers_new"])) if layer["customers_new"] else None
    return float(cost) / (float(new) * share) if cost and new and share and share > 0 else None


def quick(layer: Figures) -> Any:
    gained = sum(moved(movement)(layer) for movement in ("new", "expansion", "reactivation"))
    gone = -sum(moved(movement)(layer) for movement in ("contraction", "churn"))
    return float(gained) / float(gone) if gone else None


def magic(layer: Figures) -> Any:
    """ARR added since a quarter ago over the cost of the quarter before, from the rounded figures of those months."""
    before, costs = layer["mrr_quarter_ago"], layer["costs_quarter_ago"]
    if before is None or None in costs or not sum(map(cents, costs)):
        return None
    return float((cents(layer["mrr"]) - cents(before)) * 12) / float(sum(map(cents, costs)))


def profit(layer: Figures) -> Any:
    parts = [GROSS_PROFIT(layer), cents(layer["sales_marketing_cost"]), cents(layer["operating_cost"])]
    return None if None in parts else parts[0] - parts[1] - parts[2]


GROSS_PROFIT = less("recognised_revenue", "cost_of_revenue")

# metric: (mart, column, the mart's figure from those of the layer)
PARITY: dict[str, tuple[str, str, Callable[[Figures], Any]]] = {
    "mrr": (MONTHLY, "mrr_end", money("mrr")),
    "mrr_start": (MONTHLY, "mrr_start", money("mrr_start")),
    "usage_mrr": (ROLLFORWARD, "usage_mrr_end", money("usage_mrr")),
    "mrr_from_movements": (MONTHLY, "mrr_end", money("mrr_from_movements")),
    "customers": (MONTHLY, "customers_end", count("customers")),
    "customers_start": (MONTHLY, "customers_start", count("customers_start")),
    "customers_new": (MONTHLY, "customers_new", count("customers_new")),
    "customers_reactivated": (MONTHLY, "customers_reactivated", count("customers_reactivated")),
    "customers_churned": (MONTHLY, "customers_churned", count("customers_churned")),
    "customer_churn_rate": (MONTHLY, "customer_churn_rate", count("customer_churn_rate")),
    "mrr_kept": (MONTHLY, "mrr_kept", money("mrr_kept")),
    "mrr_kept_and_grown": (MONTHLY, "mrr_kept_and_grown", money("mrr_kept_and_grown")),
    "gross_revenue_retention": (MONTHLY, "gross_revenue_retention", count("gross_revenue_retention")),
    "net_revenue_retention": (MONTHLY, "net_revenue_retention", count("net_revenue_retention")),
    "arpa": (MONTHLY, "arpa", money_per("mrr", "customers")),
    **{f"mrr_{step}": (ROLLFORWARD, f"mrr_{step}", moved(step)) for step in MOVEMENTS},
    "recognised_revenue": (MONTHLY, "recognised_revenue", money("recognised_revenue")),
    "revenue_per_customer": (MONTHLY, "revenue_per_customer", money_per("recognised_revenue", "customers")),
    "payment_fees": (MONTHLY, "payment_fees", money("payment_fees")),
    "cost_of_revenue": (MONTHLY, "cost_of_revenue", money("cost_of_revenue")),
    "gross_margin_amount": (MONTHLY, "gross_margin_amount", GROSS_PROFIT),
    "gross_margin": (MONTHLY, "gross_margin", margin(GROSS_PROFIT, "recognised_revenue")),
    "operating_cost": (MONTHLY, "operating_cost", money("operating_cost")),
    "ad_spend": (MONTHLY, "ad_spend", money("ad_spend")),
    "programme_spend": (MONTHLY, "programme_spend", money("programme_spend")),
    "sales_marketing_cost": (MONTHLY, "sales_marketing_cost", money("sales_marketing_cost")),
    "cac_paid": (MONTHLY, "cac_paid", money_per("ad_spend", "customers_new")),
    "cac_blended": (MONTHLY, "cac_blended", money_per("blended_cost", "customers_new")),
    "cac_fully_loaded": (MONTHLY, "cac_fully_loaded", money_per("sales_marketing_cost", "customers_new")),
    "cac_payback_months": (MONTHLY, "cac_payback_months", payback),
    "arr": (MONTHLY, "arr", lambda layer: None if layer["mrr"] is None else cents(layer["mrr"]) * 12),
    "profit": (MONTHLY, "profit", profit),
    "gross_revenue_churn_rate": (GROWTH, "gross_revenue_churn_rate", lost("contraction", "churn")),
    "net_revenue_churn_rate": (
        GROWTH,
        "net_revenue_churn_rate",
        lost("contraction", "churn", "expansion", "reactivation"),
    ),
    "quick_ratio": (GROWTH, "quick_ratio", quick),
    "magic_number": (GROWTH, "magic_number", magic),
    "clv": (MONTHLY, "clv", money("clv")),
    "ltv_to_cac": (MONTHLY, "ltv_to_cac", count("ltv_to_cac")),
    "cac_lagged": (MONTHLY, "cac_lagged", money("cac_lagged")),
    "leads_created": (MONTHLY, "leads_created", count("leads_created")),
    "leads_converted": (MONTHLY, "leads_converted", count("leads_converted")),
    "lead_conversion_rate": (MONTHLY, "lead_conversion_rate", count("lead_conversion_rate")),
    "deals_won": (WINS, "deals_won", count("deals_won")),
    "deals_lost": (WINS, "deals_lost", count("deals_lost")),
    "win_rate": (WINS, "win_rate", count("win_rate")),
    "won_days": (CYCLES, "days_won", count("won_days")),
    "sales_cycle_days_median": (CYCLES, "median_days_won", count("sales_cycle_days_median")),
    "sales_cycle_days_p90": (CYCLES, "p90_days_won", count("sales_cycle_days_p90")),
    "handoffs": (HANDOFFS, "assignments", count("handoffs")),
    "handoffs_answered": (HANDOFFS, "answered", count("handoffs_answered")),
    "handoff_within_sla_share": (HANDOFFS, "within_sla_share", count("handoff_within_sla_share")),
    "handoff_minutes_median": (HANDOFFS, "median_minutes", count("handoff_minutes_median")),
    "handoff_minutes_p90": (HANDOFFS, "p90_minutes", count("handoff_minutes_p90")),
    "account_cost_of_revenue": (MONTHLY, "cost_of_revenue", money("account_cost_of_revenue")),
    "plan_cost_of_revenue": (MONTHLY, "cost_of_revenue", money("plan_cost_of_revenue")),
    "pipeline_coverage": (COVERAGE, "pipeline_coverage", count("pipeline_coverage")),
}
# metrics that mean something only by more than the month: mart, its keys, the layer's dimensions, metric and column
FINER: list[tuple[str, str, list[str], dict[str, str]]] = [
    (
        "(select * from metrics.retention_cohorts where segment_type = 'all')",
        "cohort_month, age_months",
        ["metric_time__month", "cohort__age_months"],
        {
            "cohort_logo_retention": "logo_retention",
            "cohort_gross_revenue_retention": "gross_revenue_retention",
            "cohort_net_revenue_retention": "net_revenue_retention",
        },
    ),
    (
        "metrics.unit_economics_by_segment_monthly",
        "month, segment_type, segment",
        ["metric_time__month", "segment__segment_type", "segment__segment_value"],
        {"segment_clv": "clv", "segment_ltv_to_cac_paid": "ltv_to_cac_paid"},
    ),
    (
        "metrics.gross_margin_by_plan_monthly",
        "month, plan",
        ["metric_time__month", "plan_margin__product_sold"],
        {"plan_gross_margin_amount": "gross_margin_amount"},
    ),
]
BATCH = 12


def by_month(layer: Layer) -> dict[date, dict[str, Any]]:
    """Every metric of the layer by month; beside one that knows every month, a month without a flow shows nil."""
    found: dict[date, dict[str, Any]] = {}
    names = list(layer.metrics)
    for start in range(0, len(names), BATCH):
        batch = dict.fromkeys(["mrr", *names[start : start + BATCH]])
        answer = layer.ask(list(batch), ["metric_time__month"])
        for month, *values in answer.rows:
            figures = dict(zip(answer.columns[1:], values, strict=True))
            found.setdefault(month.date(), dict.fromkeys(names)).update(figures)
    for month, figures in found.items():
        past = [found.get(_months_before(month, months), {}) for months in (3, 4, 5)]
        figures["mrr_quarter_ago"] = (past[0].get("mrr") or 0) if past[0] else None
        figures["costs_quarter_ago"] = [at.get("sales_marketing_cost") for at in past]
    return found


def _months_before(month: date, months: int) -> date:
    year, index = divmod(month.year * 12 + month.month - 1 - months, 12)
    return date(year, index + 1, 1)


def differences(layer: Layer, query: Callable[[str], list[tuple]]) -> list[str]:
    """Where a mart and the layer disagree, in words."""
    months = by_month(layer)
    wrong = []
    for name, (mart, column, expected) in PARITY.items():
        for month, shown in query(f"select month, {column} from {mart} order by month"):
            figures = months.get(month)
            if figures is None:
                wrong.append(f"{name} has nothing for {month}")
                continue
            found = expected(figures)
            if not _agree(shown, found):
                wrong.append(f"{name} of {month} is {found} in the layer and {shown} in {mart}.{column}")
    return wrong + [line for finer in FINER for line in _finer(layer, query, *finer)]


def _finer(
    layer: Layer, query: Callable[[str], list[tuple]], mart: str, keys: str, by: list[str], metrics: dict[str, str]
) -> list[str]:
    """Differences of metrics that have more keys than the month."""
    found = {(row[0].date(), *row[1 : len(by)]): row[len(by) :] for row in layer.ask(list(metrics), by).rows}
    rows = query(f"select {keys}, {', '.join(metrics.values())} from {mart}")
    shown = {row[: len(by)]: row[len(by) :] for row in rows}
    missing = [f"{key} is not in both, the layer and {mart}" for key in found.keys() ^ shown.keys()]
    return missing + [
        f"{name} of {key} is {one} in the layer and {other} in {mart}"
        for key in found.keys() & shown.keys()
        for name, one, other in zip(metrics, found[key], shown[key], strict=True)
        if not _agree(other, one)
    ]


def _agree(shown: Any, found: Any) -> bool:
    if found is None:
        # no row in the facts: a mart that has the month says nil
        return not shown
    if shown is None:
        return False
    if isinstance(shown, float):
        return abs(shown - float(found)) <= 1e-9 * max(1.0, abs(shown))
    return Decimal(shown) == Decimal(found)
