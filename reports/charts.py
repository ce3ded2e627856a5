"""The page's charts. Bars start at zero, lines join measured points without smoothing, colour carries meaning only."""

from __future__ import annotations

import pandas as pd

INK, SOFT, ACCENT = "#1c2430", "#5d6878", "#0f6e84"
MOVEMENTS = {
    "new": "#0f6e84",
    "expansion": "#5aa7b5",
    "reactivation": "#a9d2d8",
    "contraction": "#e6b09f",
    "churn": "#b3422b",
    "fx": "#b8bfc8",
    "restatement": "#8c95a1",
}
SPARK_WIDTH, SPARK_HEIGHT = 132, 40


def sparkline(values: list[float | None]) -> str:
    """An inline SVG line over the given values, oldest first; a gap where a value is None, a dot on the last one."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return f'<svg class="spark" viewBox="0 0 {SPARK_WIDTH} {SPARK_HEIGHT}"></svg>'
    low, high = min(known), max(known)
    span = (high - low) or 1.0
    step = (SPARK_WIDTH - 8) / (len(values) - 1)
    path, pen_down, last = [], False, (0.0, 0.0)
    for index, value in enumerate(values):
        if value is None:
            pen_down = False
            continue
        last = (4 + index * step, 4 + (SPARK_HEIGHT - 8) * (1 - (value - low) / span))
        path.append(f"{'L' if pen_down else 'M'}{last[0]:.1f},{last[1]:.1f}")
        pen_down = True
    return (
        f'<svg class="spark" viewBox="0 0 {SPARK_WIDTH} {SPARK_HEIGHT}" role="img" aria-label="trend">'
        f'<path d="{"".join(path)}" fill="none" stroke="{ACCENT}" stroke-width="1.6"/>'
        f'<circle cx="{last[0]:.1f}" cy="{last[1]:.1f}" r="2.6" fill="{ACCENT}"/></svg>'
    )


def movements_chart(movements: pd.DataFrame, currency: str) -> str:
    """Stacked bars of MRR movements by month (gains above zero, losses below) with the net as a line."""
    import altair as alt

    frame = movements.assign(month=pd.to_datetime(movements["month"]), amount=movements["amount"].astype(float))
    shown = [name for name in MOVEMENTS if name in set(frame["movement"])]
    rank = {name: index for index, name in enumerate(shown)}
    frame["rank"] = frame["movement"].map(rank)
    net = frame.groupby("month", as_index=False)["amount"].sum()
    x = alt.X("yearmonth(month):T", title=None, axis=alt.Axis(format="%b %y", labelOverlap=True, grid=False))
    bars = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=x,
            y=alt.Y("amount:Q", title=currency, stack="zero", axis=alt.Axis(format="~s")),
            color=alt.Color(
                "movement:N",
                scale=alt.Scale(domain=shown, range=[MOVEMENTS[name] for name in shown]),
                legend=alt.Legend(orient="bottom", title=None, columns=6, symbolLimit=10),
            ),
            order="rank:Q",
            tooltip=[
                alt.Tooltip("yearmonth(month):T", title="month"),
                "movement",
                alt.Tooltip("amount:Q", format=",.2f"),
            ],
        )
    )
    line = alt.Chart(net).mark_line(color=INK, point=alt.OverlayMarkDef(color=INK, size=16), strokeWidth=1.2)
    return _spec(bars + line.encode(x=x, y="amount:Q", tooltip=[alt.Tooltip("amount:Q", title="net", format=",.2f")]))


def forecast_chart(history: pd.DataFrame, forecast: pd.DataFrame, currency: str) -> str:
    """MRR by month so far, then the forecast with its 80 % and 95 % intervals."""
    import altair as alt

    past = history.assign(month=pd.to_datetime(history["month"]), mrr=history["mrr_end"].astype(float))
    ahead = forecast.assign(month=pd.to_datetime(forecast["month"]))
    money = ["forecast", "lower_80", "upper_80", "lower_95", "upper_95"]
    ahead[money] = ahead[money].astype(float)
    if not past.empty and not ahead.empty:
        joint = past.iloc[-1]
        ahead = pd.concat([pd.DataFrame([{"month": joint["month"]} | dict.fromkeys(money, joint["mrr"])]), ahead])
    x = alt.X("month:T", title=None, axis=alt.Axis(format="%b %y", labelOverlap=True, grid=False))
    base = alt.Chart(ahead).encode(x=x)
    layers = [
        base.mark_area(opacity=0.12, color=ACCENT).encode(y=alt.Y("lower_95:Q", title=currency), y2="upper_95:Q"),
        base.mark_area(opacity=0.2, color=ACCENT).encode(y="lower_80:Q", y2="upper_80:Q"),
        base.mark_line(color=ACCENT, strokeDash=[4, 3]).encode(
            y="forecast:Q", tooltip=[alt.Tooltip(name, format=",.2f") for name in money]
        ),
        alt.Chart(past)
        .mark_line(color=INK)
        .encode(
            x=x,
            y=alt.Y("mrr:Q", title=currency, axis=alt.Axis(format="~s"), scale=alt.Scale(zero=True)),
            tooltip=[alt.Tooltip("month:T", format="%b %Y"), alt.Tooltip("mrr:Q", format=",.2f")],
        ),
    ]
    return _spec(alt.layer(*layers))


def funnel_chart(funnel: pd.DataFrame) -> str:
    """How many of the cohort's leads reached each stage, and the share that went on to the next one."""
    import altair as alt

    frame = funnel.assign(
        share=[f"{count:,.0f}  ·  {count / funnel['people'].iloc[0]:.0%}" for count in funnel["people"]]
    )
    y = alt.Y("stage:N", sort=list(frame["stage"]), title=None, axis=alt.Axis(labelFontSize=13))
    bars = (
        alt.Chart(frame)
        .mark_bar(color=ACCENT, height={"band": 0.62})
        .encode(x=alt.X("people:Q", title="people", scale=alt.Scale(domainMin=0)), y=y)
    )
    labels = alt.Chart(frame).mark_text(align="left", dx=5, color=SOFT).encode(x="people:Q", y=y, text="share:N")
    return _spec(bars + labels)


def channel_chart(spend: pd.DataFrame, currency: str) -> str:
    """Advertising spend by channel, largest first."""
    import altair as alt

    frame = spend.assign(amount=spend["amount"].astype(float))
    bars = (
        alt.Chart(frame)
        .mark_bar(color=ACCENT, height={"band": 0.62})
        .encode(
            x=alt.X("amount:Q", title=currency, axis=alt.Axis(format="~s")),
            y=alt.Y("channel:N", sort="-x", title=None, axis=alt.Axis(labelFontSize=13)),
            tooltip=["channel", alt.Tooltip("amount:Q", format=",.2f")],
        )
    )
    return _spec(bars)


def _spec(chart) -> str:
    return (
        chart.properties(width="container", height=260)
        .configure_view(strokeWidth=0)
        .configure_axis(
            labelColor=SOFT, titleColor=SOFT, domainColor="#c9d0d8", tickColor="#c9d0d8", gridColor="#eef1f4"
        )
        .to_json(indent=None)
        # the JSON stands inside a script element
        .replace("</", "<\\/")
    )
