"""Readers never wait, fail or see two runs mixed while versions change under them."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from tests.end_to_end.company import DATE, company

READER = """
    import sys, time, duckdb
    path, seen = sys.argv[1], []
    print("reading", flush=True)
    while True:
        with duckdb.connect(path, read_only=True) as connection:
            runs = connection.execute("select max_by(run_id, started_at) from meta.runs").fetchall()
            figures = connection.execute(
                "select u.mrr_end - r.mrr_closing from metrics.unit_economics_monthly u "
                "join metrics.mrr_rollforward r using (month)").fetchall()
        assert figures and all(difference == 0 for (difference,) in figures), "two runs mixed"
        if not seen or seen[-1] != runs[0][0]:
            seen.append(runs[0][0]); print(runs[0][0], flush=True)
        time.sleep(0.02)
"""


@pytest.mark.slow
def test_a_reader_polls_through_ten_refreshes_without_a_failure(tmp_path):
    with company(tmp_path / "data", seed=3, accounts=20, date=DATE) as running:
        running.refresh()
        reader = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(READER), str(running.published)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            for _ in range(10):
                running.advance(1)
                running.refresh()
            assert reader.poll() is None, reader.stderr.read()
        finally:
            reader.kill()
            said = reader.communicate()[0].splitlines()
        assert len(set(said)) == len(said) and len(said) >= 10
