"""The JavaScript of the revenue page."""

from __future__ import annotations

from pathlib import Path

import pytest
import vl_convert

from reports.revenue_page import _charting


def test_it_is_put_together_once_a_version_and_read_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    def put_together() -> str:
        asked.append(vl_convert.__version__)
        return f"// vega {vl_convert.__version__}, ünïcode"

    monkeypatch.setattr(vl_convert, "javascript_bundle", put_together)
    monkeypatch.setattr(vl_convert, "__version__", "1.0")
    assert {_charting(tmp_path) for _ in range(3)} == {"// vega 1.0, ünïcode"} and asked == ["1.0"]
    monkeypatch.setattr(vl_convert, "__version__", "2.0")
    assert _charting(tmp_path) == "// vega 2.0, ünïcode" and asked == ["1.0", "2.0"]
    assert [path.name for path in tmp_path.iterdir()] == [".vega-2.0.js"], "what no version uses is not kept"
