"""What every mart of the metrics has: a number says whether and how it may be added up."""

from __future__ import annotations

from pathlib import Path

import yaml

METRICS = Path(__file__).resolve().parents[2] / "dbt" / "models" / "metrics"
NUMBERS = ("decimal", "double", "float", "bigint", "int", "integer", "smallint")
KINDS = {
    "flow": "adds up over months and over segments",
    "stock": "adds up over the segments of one month, never over months",
    "ratio": "never adds up: divide its numerator by its denominator anew",
    "attribute": "describes its row",
}


def test_every_number_declares_what_kind_of_measure_it_is():
    found: dict[str, str | None] = {}
    for path in METRICS.rglob("*.yml"):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            for column in model["columns"]:
                if str(column.get("data_type", "")).split("(")[0] in NUMBERS:
                    kind = column.get("config", {}).get("meta", {}).get("measure")
                    found[f"{model['name']}.{column['name']}"] = kind
    assert len(found) > 150
    assert {column: kind for column, kind in found.items() if kind not in KINDS} == {}
    assert {name for name in found if name.endswith(("_start", "_end", "_opening", "_closing"))} <= {
        name for name, kind in found.items() if kind == "stock"
    }, "what ends in _start or _end is what there was at an instant"
