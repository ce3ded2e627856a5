"""Monthly revenue forecast: several models compete on the company's own past, the winner ships with measured intervals.

The competition is a rolling-origin backtest (Hyndman & Athanasopoulos, *Forecasting: Principles and Practice*,
3rd ed., 5.10): every month with enough past is an origin, and each model forecasts from it what has happened since.
The score is the mean absolute scaled error (Hyndman & Koehler 2006). Seasonal naive ships where nothing beats it.

Intervals are conformal: their half-width is a quantile of the winner's own absolute backtest errors, scaled by
horizon, so nothing is assumed about the errors' shape. Their coverage is measured on origins left out of the quantile.

Amounts come and go as `Decimal` in the reporting currency; inside a forecast they are estimates, and floats.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pandas as pd

SEASON = 12
HORIZON = 12
MIN_HISTORY = 18
MIN_TRAINING = 12
LEVELS = (80, 95)
BASELINE = "seasonal_naive"

Model = Callable[[np.ndarray, int], np.ndarray]

FORECAST_COLUMNS = (
    "measure", "month", "horizon", "origin_month", "model", "forecast", "lower_80", "upper_80", "lower_95", "upper_95",
)  # fmt: skip
BACKTEST_COLUMNS = ("measure", "model", "origin_month", "horizon", "month", "forecast", "actual", "absolute_error")
ACCURACY_COLUMNS = (
    "measure", "model", "is_selected", "mase", "mean_absolute_error", "n", "origins", "coverage_80", "coverage_95",
    "reason",
)  # fmt: skip


@dataclass(frozen=True)
class Forecast:
    """The forecast of one run: what ships, how every model did before, and why nothing ships where nothing does."""

    revenue_forecast: pd.DataFrame
    forecast_backtest: pd.DataFrame
    forecast_accuracy: pd.DataFrame


def seasonal_naive(history: np.ndarray, horizon: int) -> np.ndarray:
    """The value of the same month a year before; the last value while there is no such month."""
    season = history[-SEASON:] if len(history) >= SEASON else history[-1:]
    return np.resize(season, horizon)


def ets(history: np.ndarray, horizon: int) -> np.ndarray:
    """Exponential smoothing with an additive damped trend, ETS(A,Ad,N), fitted by maximum likelihood."""
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    with warnings.catch_warnings():
        # a fit that has not converged is judged by its backtest like any other
        warnings.simplefilter("ignore")
        model = ExponentialSmoothing(history, trend="add", damped_trend=True, initialization_method="estimated")
        return np.asarray(model.fit().forecast(horizon))


def theta(history: np.ndarray, horizon: int) -> np.ndarray:
    """The theta method (Assimakopoulos & Nikolopoulos 2000), deseasonalised where a test finds a season."""
    from statsmodels.tsa.forecasting.theta import ThetaModel

    two_seasons = len(history) > 2 * SEASON and history.min() > 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = ThetaModel(history, period=SEASON, deseasonalize=two_seasons, use_test=two_seasons).fit()
        return np.asarray(fit.forecast(horizon))


MODELS: dict[str, Model] = {BASELINE: seasonal_naive, "ets": ets, "theta": theta}


def revenue_forecast(history: pd.DataFrame, horizon: int = HORIZON, models: dict[str, Model] | None = None) -> Forecast:
    """Forecast each measure `horizon` months beyond its last complete month.

    `history` has the columns measure, month (first day of a month, reporting zone), amount (reporting currency) and
    is_complete; incomplete months are left out. A measure with fewer than 18 complete months, or with a gap, gets no
    forecast: `forecast_accuracy` then says why. Raises ValueError on missing columns or two rows for one month.
    """
    missing = {"measure", "month", "amount", "is_complete"} - set(history.columns)
    if missing:
        raise ValueError(f"history lacks the columns {', '.join(sorted(missing))}")
    if history.duplicated(["measure", "month"]).any():
        raise ValueError("history has two rows for one measure and month")

    shipped, backtests, accuracies = [], [], []
    for measure, rows in history[history["is_complete"].astype(bool)].groupby("measure", sort=True):
        rows = rows.sort_values("month")
        months = [pd.Timestamp(month).date().replace(day=1) for month in rows["month"]]
        values = rows["amount"].astype(float).to_numpy()
        reason = why_no_forecast(months)
        if reason:
            accuracies.append(_no_accuracy(str(measure), reason))
            continue
        backtest = rolling_origin(values, horizon, models or MODELS)
        scores = score(backtest, values)
        winner = select(scores)
        widths = half_widths(backtest[backtest["model"] == winner], horizon)
        shipped.append(_forecast_rows(str(measure), months, values, winner, (models or MODELS)[winner], widths))
        backtests.append(_backtest_rows(str(measure), months, backtest))
        accuracies.append(_accuracy_rows(str(measure), scores, winner, backtest, horizon))
    return Forecast(
        _concat(shipped, FORECAST_COLUMNS), _concat(backtests, BACKTEST_COLUMNS), _concat(accuracies, ACCURACY_COLUMNS)
    )


def why_no_forecast(months: list[date]) -> str | None:
    """The reason why these months carry no forecast; None where they do."""
    if len(months) < MIN_HISTORY:
        return f"{len(months)} complete months of history; a forecast needs {MIN_HISTORY}"
    for before, after in itertools.pairwise(months):
        if add_months(before, 1) != after:
            return f"no figure for {add_months(before, 1):%Y-%m}"
    return None


def rolling_origin(values: np.ndarray, horizon: int, models: dict[str, Model]) -> pd.DataFrame:
    """Forecast from every origin with at least 12 months of past; one row a model, origin and step ahead."""
    rows = []
    for origin in range(MIN_TRAINING, len(values)):
        steps = min(horizon, len(values) - origin)
        for name, model in models.items():
            predicted = model(values[:origin], steps)
            rows += [
                (name, origin - 1, step + 1, float(predicted[step]), float(values[origin + step]))
                for step in range(steps)
            ]
    frame = pd.DataFrame(rows, columns=["model", "origin", "horizon", "forecast", "actual"])
    frame["absolute_error"] = (frame["forecast"] - frame["actual"]).abs()
    return frame


def score(backtest: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    """Mean absolute error and mean absolute scaled error by model.

    The scale is the mean absolute one-step change of the whole history, so 1 is the error of repeating the last month.
    """
    scale = float(np.abs(np.diff(values)).mean())
    scores = backtest.groupby("model")["absolute_error"].agg(["mean", "size"])
    scores.columns = ["mean_absolute_error", "n"]
    scores["mase"] = scores["mean_absolute_error"] / scale if scale > 0 else np.nan
    return scores


def select(scores: pd.DataFrame) -> str:
    """The model with the smallest error; the baseline unless another one is strictly better."""
    best = str(scores["mean_absolute_error"].idxmin())
    return best if scores.loc[best, "mean_absolute_error"] < scores.loc[BASELINE, "mean_absolute_error"] else BASELINE


def half_widths(errors: pd.DataFrame, horizon: int) -> dict[int, np.ndarray]:
    """Half-widths of the 80 % and 95 % intervals for steps 1..horizon, never narrower further ahead.

    Errors are divided by the typical error of their step (mean absolute error, made monotone), pooled, and the
    conformal quantile ceil((n + 1) * level) / n of the pool is scaled back. Few long-range errors thus lean on many
    short-range ones.
    """
    spread = _spread(errors, horizon)
    steps = errors["horizon"].to_numpy() - 1
    safe = np.where(spread[steps] > 0, spread[steps], 1.0)
    pool = np.sort(errors["absolute_error"].to_numpy() / safe)
    return {
        level: pool[min(math.ceil((len(pool) + 1) * level / 100), len(pool)) - 1] * np.where(spread > 0, spread, 1.0)
        for level in LEVELS
    }


def coverage(errors: pd.DataFrame, horizon: int) -> dict[int, float]:
    """Share of the actuals inside the intervals, each origin judged by intervals made without it."""
    inside = {level: 0 for level in LEVELS}
    for origin, left_out in errors.groupby("origin"):
        others = errors[errors["origin"] != origin]
        if others.empty:
            continue
        widths = half_widths(others, horizon)
        for level in LEVELS:
            inside[level] += int(
                (left_out["absolute_error"].to_numpy() <= widths[level][left_out["horizon"].to_numpy() - 1]).sum()
            )
    return {level: inside[level] / len(errors) for level in LEVELS}


def add_months(month: date, count: int) -> date:
    """The first day of the month `count` months after `month`."""
    index = month.year * 12 + month.month - 1 + count
    return date(index // 12, index % 12 + 1, 1)


def _spread(errors: pd.DataFrame, horizon: int) -> np.ndarray:
    typical = errors.groupby("horizon")["absolute_error"].mean().reindex(range(1, horizon + 1)).ffill().fillna(0.0)
    return np.maximum.accumulate(typical.to_numpy())


def _money(value: float) -> Decimal:
    return Decimal(repr(float(value))).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _forecast_rows(
    measure: str, months: list[date], values: np.ndarray, name: str, model: Model, widths: dict[int, np.ndarray]
) -> pd.DataFrame:
    horizon = len(widths[LEVELS[0]])
    point = np.maximum(model(values, horizon), 0.0)
    rows = []
    for step in range(horizon):
        bounds = [_money(max(point[step] + sign * widths[level][step], 0.0)) for level in LEVELS for sign in (-1, 1)]
        rows.append(
            (measure, add_months(months[-1], step + 1), step + 1, months[-1], name, _money(point[step]), *bounds)
        )
    return pd.DataFrame(rows, columns=list(FORECAST_COLUMNS))


def _backtest_rows(measure: str, months: list[date], backtest: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "measure": measure,
            "model": backtest["model"],
            "origin_month": [months[origin] for origin in backtest["origin"]],
            "horizon": backtest["horizon"],
            "month": [add_months(months[o], h) for o, h in zip(backtest["origin"], backtest["horizon"], strict=True)],
            "forecast": backtest["forecast"].map(_money),
            "actual": backtest["actual"].map(_money),
            "absolute_error": backtest["absolute_error"].map(_money),
        }
    )


def _accuracy_rows(
    measure: str, scores: pd.DataFrame, winner: str, backtest: pd.DataFrame, horizon: int
) -> pd.DataFrame:
    rows = []
    for name, values in scores.sort_values("mean_absolute_error").iterrows():
        errors = backtest[backtest["model"] == name]
        measured = coverage(errors, horizon)
        rows.append(
            {
                "measure": measure,
                "model": name,
                "is_selected": name == winner,
                "mase": values["mase"],
                "mean_absolute_error": _money(values["mean_absolute_error"]),
                "n": int(values["n"]),
                "origins": int(errors["origin"].nunique()),
                "coverage_80": measured[80],
                "coverage_95": measured[95],
                "reason": None,
            }
        )
    return pd.DataFrame(rows, columns=list(ACCURACY_COLUMNS))


def _no_accuracy(measure: str, reason: str) -> pd.DataFrame:
    row = dict.fromkeys(ACCURACY_COLUMNS)
    return pd.DataFrame(
        [row | {"measure": measure, "model": BASELINE, "is_selected": False, "n": 0, "origins": 0, "reason": reason}],
        columns=list(ACCURACY_COLUMNS),
    )


def _concat(frames: list[pd.DataFrame], columns: tuple[str, ...]) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(columns))
