{#- Configuration of a model that is built month by month: a night replaces the months that its query gives, and leaves the
    others as they are. `month` is a column of the model, the first day of a month as a date, and stands last in it.
    `config(**by_month('loaded_month'))` -#}
{% macro by_month(month) -%}
    {{ return(adapter.dispatch('by_month', 'throughline')(month)) }}
{%- endmacro %}

{% macro default__by_month(month) -%}
    {{ return({
        'materialized': 'incremental', 'incremental_strategy': 'delete+insert', 'unique_key': month,
        'on_schema_change': 'fail',
    }) }}
{%- endmacro %}

{% macro spark__by_month(month) -%}
    {{ return({
        'materialized': 'incremental', 'incremental_strategy': 'insert_overwrite', 'partition_by': [month],
        'on_schema_change': 'fail',
    }) }}
{%- endmacro %}

{#- How far an incremental model has come: the greatest `column` (a UTC timestamp) it holds, as SQL text; none when the model
    has to be built whole. A table that knows more than the run's instant is of a later run: it is dropped and built anew. -#}
{% macro watermark(column) -%}
    {%- if not (execute and is_incremental()) -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set found = run_query(
        "select cast(max(" ~ column ~ ") as string) as newest, max(" ~ column ~ ") > " ~ as_of() ~ " as is_ahead from " ~ this
    ) -%}
    {%- set newest, is_ahead = found.rows[0][0], found.rows[0][1] -%}
    {%- if newest is none or is_ahead -%}
        {%- do adapter.drop_relation(load_relation(this)) -%}
        {{ return(none) }}
    {%- endif -%}
    {{ return("cast('" ~ newest ~ "' as timestamp)") }}
{%- endmacro %}
