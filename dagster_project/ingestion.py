"""An asset for every stream of every source, one step a source."""

from collections.abc import Iterator

import dagster as dg

from dagster_project.resources import Warehouse
from ingestion.registry import SOURCES, streams_of
from ingestion.versions import Stream
from warehouse import meta
from warehouse.progress import Counter, say

RETRY = dg.RetryPolicy(max_retries=1, delay=5, jitter=dg.Jitter.PLUS_MINUS)
STREAMS = {source: tuple(stream.name for stream in streams_of(source)) for source in SOURCES}


def columns_of(stream: Stream) -> dg.TableSchema:
    """A stream's declared columns."""
    return dg.TableSchema([dg.TableColumn(field.name, str(field.type)) for field in stream.arrow_schema])


def source_assets(source: str) -> dg.AssetsDefinition:
    """The streams of a source as assets `[source, stream]`, the key that dbt's source of the same name has."""
    specs = [
        dg.AssetSpec(
            [source, stream.name],
            group_name=source,
            kinds={"dlt", "duckdb"},
            skippable=True,
            metadata={"dagster/table_name": f"raw_{source}.{stream.name}", "dagster/column_schema": columns_of(stream)},
        )
        for stream in streams_of(source)
    ]

    @dg.multi_asset(name=source, specs=specs, can_subset=True, pool="warehouse", retry_policy=RETRY)
    def load(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[dg.MaterializeResult]:
        from ingestion.http import SourceError
        from ingestion.load import LoadFailed, run_source
        from ingestion.raw import RawDamaged

        chosen = [key.path[-1] for key in context.selected_asset_keys] if context.is_subset else None
        settings, run_id = warehouse.settings, warehouse.run.run_id
        try:
            report = run_source(source, settings, chosen, Counter(source))
        except (SourceError, LoadFailed, RawDamaged) as error:
            # a provider that could not be reached may be tried again; what it refused, it will refuse again
            raise dg.Failure(str(error), allow_retries=type(error) is SourceError) from error
        loads = None
        if report.is_configured:
            loads = [
                meta.StreamLoad(stream, report.rows_loaded.get(stream, 0), report.rows_quarantined.get(stream, 0))
                for stream in report.streams
            ]
            rejected = sum(report.rows_quarantined.values())
            say(
                f"{source}: {sum(report.rows_loaded.values()):,} new versions of {sum(report.rows_read.values()):,} "
                f"objects read" + (f", {rejected:,} rejected" if rejected else "")
            )
        else:
            say(f"{source}: off ({settings.how_to_switch_on(source)})")
        rows = meta.record_loads(settings, run_id, source, loads)
        for stream in STREAMS[source]:
            if chosen is None or stream in chosen:
                yield dg.MaterializeResult(
                    asset_key=[source, stream],
                    metadata={
                        "dagster/row_count": rows[stream],
                        "rows_added": report.rows_loaded.get(stream, 0),
                        "rows_rejected": report.rows_quarantined.get(stream, 0),
                        "is_configured": report.is_configured,
                    },
                )

    return load
