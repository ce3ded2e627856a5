"""The `throughline` command.

Everything that needs more than the warehouse itself runs as a process of its own, in place of this one where it is the
last thing to do, so that signals reach it: `python -m dagster_project.refresh`, `-m sandbox`, `-m ingestion.landing`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from warehouse.settings import BadSettings, Settings, get_settings, process_environment

BUSY = 75
# one company with one present day: whoever runs the demo sees the same figures, today and next year
DEMO_SEED, DEMO_ACCOUNTS, DEMO_DATE = DEMO = (7, 300, "2026-10-15")
PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

app = typer.Typer(
    help="One customer journey from CRM, email marketing and billing.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Entry point: what a person can put right is said in one line, without a traceback."""
    from warehouse.connections import FileBusy
    from warehouse.lock import WriterBusy

    try:
        app()
    except (WriterBusy, FileBusy) as error:
        _end(f"busy: {error}", BUSY)
    except _foreseen() as error:
        _end(str(error).strip(), 1)


def _foreseen() -> tuple[type[Exception], ...]:
    """What can go wrong through no fault of the program."""
    import duckdb

    from warehouse.connections import NoWarehouse
    from warehouse.demo import SandboxFailed
    from warehouse.publish import NotPublishable
    from warehouse.semantic import BadQuery
    from warehouse.transform import DbtFailed

    return (BadSettings, BadQuery, DbtFailed, NotPublishable, NoWarehouse, SandboxFailed, OSError, duckdb.Error)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"throughline {version('throughline')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="The version.")] = False,
) -> None:
    """One customer journey from CRM, email marketing and billing."""


@app.command()
def doctor() -> None:
    """What is configured, reachable and fresh, and what to do next."""
    from warehouse.doctor import examine

    report = examine()
    print("\n".join(report.lines))
    raise typer.Exit(0 if report.is_well else 1)


@app.command()
def refresh() -> None:
    """Pull all sources, build, check and publish. 0: published, 1: failed or blocked, 75: another writer is at work."""
    _become(["dagster_project.refresh"])


@app.command(context_settings=PASS_THROUGH)
def sandbox(context: typer.Context) -> None:
    """Serve a company that does not exist, on the providers' protocols; `sandbox --help` lists the options."""
    _become(["sandbox", *context.args])


@app.command(context_settings=PASS_THROUGH)
def landing(context: typer.Context) -> None:
    """Serve the receiver for pushed email-marketing events."""
    _become(["ingestion.landing", *context.args])


@app.command()
def publish(
    parquet: Annotated[bool, typer.Option("--parquet", help="Also as Parquet files, one a table.")] = False,
) -> None:
    """Publish the build file again, if its last run has passed all checks."""
    from warehouse import publish as publishing
    from warehouse.lock import writer_lock

    settings = get_settings()
    with writer_lock(settings.data_dir, "throughline publish"):
        version = publishing.publish(settings)
        print(f"published {version.run_id}: {settings.published_path}")
        if parquet:
            print(f"parquet: {publishing.publish_parquet(settings)}")
    _report(settings)


@app.command()
def rollback(
    to: Annotated[str | None, typer.Option("--to", metavar="VERSION", help="As `status` lists it.")] = None,
) -> None:
    """Point readers back at an earlier version: the one before the current one, or the one that is named."""
    from warehouse import publish as publishing
    from warehouse.lock import writer_lock

    settings = get_settings()
    with writer_lock(settings.data_dir, "throughline rollback"):
        version = publishing.rollback(settings, to)
    print(f"now published: {version.run_id} (as of {version.manifest['as_of']})")
    _report(settings)


@app.command()
def status() -> None:
    """The published version, earlier ones, the last runs, row counts, and checks that warn."""
    from warehouse.status import status_lines

    print("\n".join(status_lines(get_settings())))


@app.command()
def metrics(
    months: Annotated[int, typer.Option("--months", min=1, help="How many months, the newest last.")] = 12,
) -> None:
    """The six metrics by month, from the published version."""
    from warehouse.status import metric_lines

    print("\n".join(metric_lines(get_settings(), months)))


@app.command()
def query(
    metric: Annotated[list[str] | None, typer.Argument(help="Metrics, by spaces or commas; none: list them.")] = None,
    by: Annotated[list[str] | None, typer.Option("--by", help="Such as metric_time__month,account__country.")] = None,
    where: Annotated[list[str] | None, typer.Option(help="A filter, as MetricFlow writes it.")] = None,
    order: Annotated[list[str] | None, typer.Option(help="Columns to order by; -name descends.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many rows.")] = None,
    sql: Annotated[bool, typer.Option("--sql", help="Show the SQL that answers.")] = False,
) -> None:
    """Metrics of the semantic layer: list them, or have some answered from the published version."""
    from warehouse import semantic, transform

    settings = get_settings()
    if not (names := _split(metric)):
        found = semantic.metrics_of(transform.semantic_manifest_path(settings))
        print(semantic.as_list(found.values()))
        return
    warehouse = semantic.warehouse_to_read(settings)
    with semantic.open_layer(transform.semantic_manifest_path(settings), warehouse) as layer:
        answer = layer.ask(names, _split(by), where=where or (), order=_split(order), limit=limit)
        print(f"{answer.sql}\n" if sql else semantic.as_table(answer))
        if not by:
            print(f"\nmay be shown by: {', '.join(layer.dimensions(names))}")


def _split(values: Sequence[str] | None) -> list[str]:
    """Names that were given one by one, with commas, or with spaces between."""
    return [name for value in values or [] for name in value.replace(",", " ").split()]


@app.command()
def demo(
    accounts: Annotated[int, typer.Option(help="How many accounts the company has.")] = DEMO_ACCOUNTS,
    seed: Annotated[int, typer.Option(help="Which company.")] = DEMO_SEED,
    date: Annotated[str, typer.Option(help="Its present day, YYYY-MM-DD.")] = DEMO_DATE,
) -> None:
    """Pull a sandbox company over HTTP, build, check, publish, and show the six metrics."""
    from warehouse import demo as company

    company.stop_children_on_sigterm()
    # another company gets another folder: two in one would be one company with two histories
    data_dir = get_settings().data_dir / (
        "demo" if (seed, accounts, date) == DEMO else f"demo-{seed}-{accounts}-{date}"
    )
    with company.sandbox(data_dir, seed=seed, accounts=accounts, date=date) as running:
        code = company.run(["dagster_project.refresh"], running.environment)
        if code == 0:
            code = company.run(["warehouse.cli", "metrics"], running.environment)
    if code == 0:
        published = data_dir / "published"
        print(f"\npublished file   {published / 'throughline.duckdb'}")
        print(f"revenue page     {published / 'revenue.html'}")
    raise typer.Exit(code)


@app.command()
def dev(
    port: Annotated[int, typer.Option(help="Port of the UI.")] = 3000,
) -> None:
    """Dagster's UI on 127.0.0.1, on the sandbox company while no provider is configured."""
    from warehouse import demo as company

    company.stop_children_on_sigterm()
    settings = get_settings()
    if settings.sources_on != ["ledger"] and settings.sources_on:
        raise typer.Exit(_serve_ui(settings.data_dir, port, {}))
    data_dir = settings.data_dir / "demo"
    seed, accounts, date = DEMO
    with company.sandbox(data_dir, seed=seed, accounts=accounts, date=date) as running:
        print("no provider is configured: showing the sandbox company")
        code = _serve_ui(data_dir, port, running.environment)
    raise typer.Exit(code)


def _serve_ui(data_dir: Path, port: int, environment: Mapping[str, str]) -> int:
    import shutil
    import subprocess

    from warehouse import demo as company
    from warehouse.settings import REPOSITORY

    home = data_dir / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(REPOSITORY / "dagster.yaml", home / "dagster.yaml")
    command = [str(Path(sys.executable).with_name("dg")), "dev", "--host", "127.0.0.1", "--port", str(port)]
    own = {"DAGSTER_HOME": str(home), "THROUGHLINE_DATA_DIR": str(data_dir), "VIRTUAL_ENV": sys.prefix, **environment}
    # a shell that starts us in the background has us ignore SIGINT, and so would dg, which knows no other way to end
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env=process_environment(own),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        return process.wait()
    except KeyboardInterrupt:
        # the terminal has told the whole group
        return process.wait()
    finally:
        # SIGTERM would leave the web server and the daemon behind; SIGINT ends them
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=20)
        company.stop(process)


def _report(settings: Settings) -> None:
    """Make the page of what is published now. It is made by its own package, in a process of its own."""
    import subprocess

    command = [sys.executable, "-m", "reports.revenue_page", str(settings.published_path), str(settings.report_path)]
    done = subprocess.run(command, env=process_environment(), capture_output=True, text=True)
    print(f"report: {settings.report_path}" if done.returncode == 0 else f"report not made: {done.stderr.strip()}")


def _become(module: Sequence[str]) -> NoReturn:
    """Replace this process by `python -m ...`."""
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", *module], process_environment())


def _end(message: str, code: int) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
