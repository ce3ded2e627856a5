"""The figures of the marts are the sandbox world's own on other companies than the one of `test_nights`."""

from __future__ import annotations

import pytest

from tests.end_to_end.company import ACCOUNTS, DATE, company
from tests.end_to_end.figures import Conversion, Figures

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=(11, 23), ids=("seed11", "seed23"))
def refreshed(request, tmp_path_factory):
    """A company after its first refresh, one for each seed."""
    with company(tmp_path_factory.mktemp("company"), seed=request.param, accounts=ACCOUNTS, date=DATE) as running:
        running.refresh()
        yield running


class TestFigures(Figures):
    """On each of them."""


class TestConversion(Conversion):
    """On each of them."""
