{#- Configuration of a model that Spark builds month by month: a night replaces the months that its query gives, and leaves the
    others as they are. On DuckDB it is a table, which carries on (`carry.sql`). `month` is a column of the model, the first day of a month as a date, and stands last in it.
    `config(**by_month('loaded_month'))` -#}
{% macro by_month(month) -%}
    {{ return(adapter.dispatch('by_month', 'throughline')(month)) }}
{%- endmacro %}

{% macro default__by_month(month) -%}
    {{ return({'materialized': 'table'}) }}
{%- endmacro %}

{% macro spark__by_month(month) -%}
    {{ return({
        'materialized': 'incremental', 'incremental_strategy': 'insert_overwrite', 'partition_by': [month],
        'on_schema_change': 'fail',
    }) }}
{%- endmacro %}

{#- How far an incremental model of a raw stream has come: the greatest `extracted_at` it holds, as SQL text; none when it
    has to be built whole. That is so when there is no table yet, when the table knows more than the run's instant (it is of
    a later run), and when something new has changed its `month`. What cannot be carried on is dropped and built anew. -#}
{% macro watermark(relation, month) -%}
    {%- if not (execute and is_incremental()) -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set found = run_query(
        "select cast(max(extracted_at) as string) as newest, max(extracted_at) > " ~ as_of() ~ " as is_ahead from " ~ this
    ).rows[0] -%}
    {%- set since = "cast('" ~ found[0] ~ "' as timestamp)" -%}
    {%- set is_lost = found[0] is none or found[1] -%}
    {%- if not is_lost -%}
        {%- set moved = run_query(
            "select count(*) as moved from (select id, " ~ month ~ " as month from " ~ relation ~ ") as versions inner join ("
            ~ "select id, " ~ month ~ " as month from " ~ relation ~ " where " ~ utc('extracted_at') ~ " > " ~ since
            ~ ") as news on versions.id = news.id where versions.month <> news.month"
        ).rows[0][0] -%}
        {%- set is_lost = moved > 0 -%}
    {%- endif -%}
    {%- if is_lost -%}
        {%- do adapter.drop_relation(load_relation(this)) -%}
        {{ return(none) }}
    {%- endif -%}
    {{ return(since) }}
{%- endmacro %}
