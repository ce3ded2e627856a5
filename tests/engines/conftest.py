"""What the tests on Spark share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engines.server import Server, small_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of `make test-spark`: it takes as long to start as the small ones take to run."""
    pytest.importorskip("pyspark")
    with small_server(tmp_path_factory.mktemp("spark")) as running:
        yield running
