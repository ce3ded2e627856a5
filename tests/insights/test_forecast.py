"""The forecast: the better model wins, the intervals hold what they say, and nothing ships without a past."""

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insights import forecast as f


def history(values, measure="mrr", start=date(2022, 1, 1), incomplete=0):
    months = [f.add_months(start, i) for i in range(len(values))]
    return pd.DataFrame(
        {
            "measure": measure,
            "month": months,
            "amount": [Decimal(str(round(v, 2))) for v in values],
            "is_complete": [i < len(values) - incomplete for i in range(len(values))],
        }
    )


def growing(n=36, noise=50.0, seed=1):
    rng = np.random.default_rng(seed)
    return 1000 + 100 * np.arange(n) + rng.normal(0, noise, n)


def test_a_trend_beats_the_seasonal_naive_and_ships():
    result = f.revenue_forecast(history(growing()))
    shipped = result.revenue_forecast
    assert set(shipped["model"]) <= {"ets", "theta"}
    assert list(shipped["horizon"]) == list(range(1, 13))
    assert shipped["month"].iloc[0] == date(2025, 1, 1)
    assert 4000 < shipped["forecast"].iloc[0] < 5200
    selected = result.forecast_accuracy.query("is_selected")
    assert len(selected) == 1
    assert selected["mean_absolute_error"].iloc[0] == result.forecast_accuracy["mean_absolute_error"].min()


def test_a_pure_season_is_repeated_and_the_baseline_ships():
    season = [100, 120, 90, 300, 80, 60, 500, 20, 10, 400, 200, 150]
    result = f.revenue_forecast(history(season * 3))
    assert set(result.revenue_forecast["model"]) == {"seasonal_naive"}
    assert [float(v) for v in result.revenue_forecast["forecast"]] == season


def test_intervals_nest_and_widen_and_never_go_below_zero():
    shipped = f.revenue_forecast(history(growing(noise=600))).revenue_forecast
    assert (shipped["lower_95"] <= shipped["lower_80"]).all() and (shipped["upper_80"] <= shipped["upper_95"]).all()
    assert (shipped["lower_80"] <= shipped["forecast"]).all() and (shipped["forecast"] <= shipped["upper_80"]).all()
    assert (shipped["lower_95"] >= 0).all()
    widths = (shipped["upper_95"] - shipped["forecast"]).astype(float).to_numpy()
    assert (np.diff(widths) >= -0.011).all()


def test_intervals_hold_their_level_on_the_future_they_have_not_seen():
    """Forty random walks: the 80 % interval of the shipped forecast holds about 80 % of the months after it."""
    inside, total = 0, 0
    cheap = {"seasonal_naive": f.seasonal_naive, "last": lambda h, n: np.repeat(h[-1], n)}
    for seed in range(40):
        walk = 10_000 + np.random.default_rng(seed).normal(0, 100, 60).cumsum()
        shipped = f.revenue_forecast(history(walk[:48]), models=cheap).revenue_forecast
        low, high = shipped["lower_80"].astype(float).to_numpy(), shipped["upper_80"].astype(float).to_numpy()
        inside += int(((walk[48:] >= low) & (walk[48:] <= high)).sum())
        total += 12
    assert 0.68 <= inside / total <= 0.95


def test_coverage_is_measured_on_origins_left_out():
    errors = pd.DataFrame({"origin": [0, 1, 2, 3], "horizon": [1, 1, 1, 1], "absolute_error": [1.0, 1.0, 1.0, 50.0]})
    assert f.coverage(errors, 1)[95] == 0.75


def test_a_backtest_never_sees_the_months_it_forecasts():
    seen = []

    def spy(past, steps):
        seen.append(len(past))
        return np.repeat(past[-1], steps)

    values = np.arange(20.0)
    backtest = f.rolling_origin(values, 12, {"spy": spy})
    assert seen == list(range(12, 20))
    assert (backtest["forecast"] == backtest["origin"]).all()


def test_incomplete_months_are_left_out():
    values = [*growing(24), 1.0]
    with_open_month = f.revenue_forecast(history(values, incomplete=1)).revenue_forecast
    pd.testing.assert_frame_equal(with_open_month, f.revenue_forecast(history(values[:-1])).revenue_forecast)


def test_a_short_history_ships_nothing_and_says_why():
    result = f.revenue_forecast(history(growing(10)))
    assert result.revenue_forecast.empty and list(result.revenue_forecast.columns) == list(f.FORECAST_COLUMNS)
    assert result.forecast_accuracy["reason"].iloc[0] == "10 complete months of history; a forecast needs 18"


def test_a_gap_ships_nothing_and_names_the_month():
    rows = history(growing(24)).drop(index=5)
    assert f.revenue_forecast(rows).forecast_accuracy["reason"].iloc[0] == "no figure for 2022-06"


def test_two_rows_for_one_month_are_refused():
    with pytest.raises(ValueError, match="two rows for one measure and month"):
        f.revenue_forecast(pd.concat([history(growing(20))] * 2))
    with pytest.raises(ValueError, match="is_complete"):
        f.revenue_forecast(history(growing(20)).drop(columns="is_complete"))


def test_each_measure_has_its_own_winner():
    season = [100, 120, 90, 300, 80, 60, 500, 20, 10, 400, 200, 150] * 3
    both = pd.concat([history(growing()), history(season, "recognised_revenue")])
    shipped = f.revenue_forecast(both).revenue_forecast.groupby("measure")["model"].first()
    assert shipped["recognised_revenue"] == "seasonal_naive" and shipped["mrr"] != "seasonal_naive"


@given(st.lists(st.floats(0, 1e7), min_size=18, max_size=40), st.floats(0.1, 1000))
@settings(max_examples=25, deadline=None)
def test_scaling_the_past_scales_the_forecast(values, k):
    cheap = {"seasonal_naive": f.seasonal_naive}
    widths = f.half_widths(f.rolling_origin(np.array(values), 12, cheap), 12)
    scaled = f.half_widths(f.rolling_origin(np.array(values) * k, 12, cheap), 12)
    # a history that always repeated itself has no spread to scale
    if any(values[i] != values[i - 12] for i in range(12, len(values))):
        np.testing.assert_allclose(scaled[95], widths[95] * k, rtol=1e-6, atol=1e-6)
