"""Running a dbt project in this process: what is kept of its results, and what it leaves open."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.warehouse.conftest import AS_OF
from warehouse import meta, transform
from warehouse.connections import open_duckdb
from warehouse.settings import Settings

PROJECT = {
    "dbt_project.yml": """
        name: tiny
        profile: throughline
        version: 1.0.0
        model-paths: [models]
        flags: {send_anonymous_usage_stats: false}
        vars:
          as_of: "2000-01-01 00:00:00"
          policy_version: v9
          categories: [a, b]
          currency: USD
          mrr_trials: exclude
          churn_date: request
          policy_choices: {mrr_trials: [exclude, include], churn_date: [service_end, request]}
    """,
    "profiles.yml": """
        throughline:
          target: duckdb
          outputs:
            duckdb: {type: duckdb, path: "{{ env_var('THROUGHLINE_WAREHOUSE_PATH') }}", schema: journey, threads: 2}
    """,
    "models/clock.sql": """
        {{ config(materialized='table') }}
        select '{{ var("as_of") }}' as as_of, range as n from range(7)
    """,
    "models/latest.sql": "select max(n) as n from {{ ref('clock') }}",
    "models/schema.yml": """
        models:
          - name: clock
            description: A row a number.
            columns:
              - name: n
                data_tests:
                  - unique
                  - accepted_values:
                      name: only_small
                      arguments: {values: [0, 1, 2, 3, 4], quote: false}
                      config: {severity: warn}
    """,
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project in the place of ours."""
    import textwrap

    folder = tmp_path / "project"
    for name, text in PROJECT.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    monkeypatch.setattr(transform, "DBT_PROJECT", folder)
    monkeypatch.setattr(transform, "_SHARED", tmp_path / "cache")
    transform._parsed.clear()
    monkeypatch.setenv("THROUGHLINE_WAREHOUSE_PATH", "")
    yield folder
    transform._parsed.clear()


@pytest.fixture
def run(settings: Settings) -> str:
    begun = meta.new_run(AS_OF)
    meta.begin_run(settings, begun)
    return begun.run_id


def rows(settings: Settings, sql: str) -> list[tuple]:
    with open_duckdb(settings.warehouse_path, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_build_keeps_its_results_and_lets_go_of_the_file(settings: Settings, project: Path, run: str):
    seen: list[tuple[str, int, int]] = []
    nodes = transform.build(settings, run, progress=lambda node, done, total: seen.append((node.name, done, total)))

    assert rows(settings, "select distinct as_of from journey.clock") == [("2026-06-15 00:00:00",)]
    assert {node.name: node.status for node in nodes} == {
        "clock": "success", "latest": "success", "unique_clock_n": "success", "only_small": "warning"
    }  # fmt: skip
    assert [done for _, done, _ in seen] == [1, 2, 3, 4] and {total for *_, total in seen} == {4}
    assert transform.failures(nodes) == [], "a warning blocks nothing"

    noted = rows(settings, "select check_name, table_name, severity, passed, failing_rows from meta.checks order by 1")
    assert noted == [
        ("only_small", "journey.clock", "warning", False, 2),
        ("unique_clock_n", "journey.clock", "error", True, 0),
    ]
    assert '"value_field": 5' in rows(settings, "select sample from meta.checks where not passed")[0][0]
    assert rows(settings, "select table_name, run_id from meta.builds order by 1") == [
        ("journey.clock", run),
        ("journey.latest", run),
    ]
    other = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('create table journey.mine as select 1')"
    subprocess.run([sys.executable, "-c", other, str(settings.warehouse_path)], check=True)


def test_incremental_tables_of_another_project_are_built_anew(settings: Settings, project: Path, run: str):
    (project / "models/log.sql").write_text("{{ config(materialized='incremental') }} select 1 as n")
    for expected in (1, 2):
        transform.build(settings, run)
        assert rows(settings, "select count(*) from journey.log") == [(expected,)]
    (project / "models/log.sql").write_text("{{ config(materialized='incremental') }} select 2 as n")
    transform.build(settings, run)
    assert rows(settings, "select n from journey.log") == [(2,)]


def test_a_part_of_the_models_leaves_nothing_to_carry_on_from(settings: Settings, project: Path, run: str):
    standing = "select count(*) from duckdb_tables() where schema_name = 'changes' and table_name = 'standing'"
    transform.build(settings, run)
    assert rows(settings, standing) == [(1,)]
    transform.build(settings, run, ["--select", "clock"])
    assert rows(settings, standing) == [(0,)]


def test_a_broken_model_and_a_failed_test_are_results_with_their_reason(settings: Settings, project: Path, run: str):
    (project / "models/latest.sql").write_text(
        "{{ config(materialized='table') }} select error('no rate for EUR on 2026-05-01') as n"
    )
    (project / "models/schema.yml").write_text(
        (project / "models/schema.yml").read_text().replace("severity: warn", "severity: error")
    )
    nodes = transform.build(settings, run)
    broken, failed = transform.failures(nodes)
    assert "no rate for EUR on 2026-05-01" in str(broken) and "\n" not in str(broken)
    assert str(failed).startswith("only_small: 2 failing rows (") and "value_field=5" in str(failed)
    assert [check.name for check in meta.blocking_checks(settings)] == ["only_small"]


def test_the_project_is_parsed_again_only_when_it_has_changed(settings: Settings, project: Path, monkeypatch):
    path = transform.manifest_path(settings)
    first = path.stat().st_mtime_ns
    transform._parsed.clear()
    monkeypatch.setattr(transform, "parse", lambda _: pytest.fail("parsed again"))
    assert transform.manifest_path(settings).stat().st_mtime_ns == first
    monkeypatch.undo()
    monkeypatch.setattr(transform, "DBT_PROJECT", project)
    (project / "models/third.sql").write_text("select 3 as n")
    transform.manifest_path(settings)
    assert "model.tiny.third" in path.read_text()


def test_each_data_folder_of_a_process_gets_the_files_of_the_parsed_project(
    settings: Settings, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = transform.manifest_path(settings)
    other = settings.model_copy(update={"data_dir": tmp_path / "other"})
    manifest = transform.parse(settings)
    monkeypatch.setattr(transform, "_invoke", lambda *_, **__: pytest.fail("the same project was parsed twice"))
    second = transform.manifest_path(other)
    assert second != first and second.read_bytes() == first.read_bytes()
    assert transform.parse(other) is manifest


def test_a_project_that_does_not_parse_is_one_line(settings: Settings, project: Path):
    (project / "models/latest.sql").write_text("select * from {{ ref('nowhere') }}")
    with pytest.raises(transform.DbtFailed, match="nowhere") as refused:
        transform.manifest_path(settings)
    assert "\n" not in str(refused.value)


def test_the_policy_is_what_the_project_and_the_settings_say(settings: Settings, project: Path):
    policy = transform.policies(settings.model_copy(update={"currency": "EUR"}))
    assert policy["policy_version"].startswith("v9") and policy["categories"] == "a, b" and policy["currency"] == "EUR"
    assert "as_of" not in policy


def test_the_policy_version_names_the_choices_that_are_not_the_default(settings: Settings, project: Path):
    assert transform.policies(settings)["policy_version"] == "v9+churn_date=request"
    changed = transform.policies(settings.model_copy(update={"mrr_trials": "include"}))
    assert changed["policy_version"] == "v9+mrr_trials=include+churn_date=request"
    assert changed["mrr_trials"] == "include" and "policy_choices" not in changed
