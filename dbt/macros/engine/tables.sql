{#- Between the name and the query of a `create table` written by hand: the format of the run's tables, where an engine has
    several. Without it Spark takes its own default, and a table of that kind leaves files in Iceberg's catalog when dropped. -#}
{% macro table_format() -%}
    {{ return(adapter.dispatch('table_format', 'throughline')()) }}
{%- endmacro %}

{% macro default__table_format() -%}
    {{ return('') }}
{%- endmacro %}

{% macro spark__table_format() -%}
    {{ return(file_format_clause()) }}
{%- endmacro %}

{#- How DuckDB makes a table or a view: in one statement, which takes the place of what stood there. The adapter's own way builds
    under another name, renames twice and drops, for readers of a live database; the build file has none, and a fifth of a
    small night went into it. A night that carries on asks dbt for what is not there yet alone (`warehouse.dbt_nights`). -#}
{% materialization table, adapter='duckdb' %}
    {{ return(make_at_once('table', sql)) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {{ return(make_at_once('view', sql)) }}
{% endmaterialization %}

{#- A table or a view (`kind`) in one statement; with a contract, its columns are compared with it, and come in its order. -#}
{% macro make_at_once(kind, query) %}
    {%- set existing = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks) }}
    {%- if existing is not none and existing.type != kind -%}
        {% do adapter.drop_relation(existing) %}
    {%- endif -%}
    {% call statement('main') -%}
        create or replace {{ kind }} {{ this }} as
        {%- if config.get('contract').enforced %}
        {{ get_assert_columns_equivalent(query) }}
        {{ get_select_subquery(query) }}
        {%- else %}
        {{ query }}
        {%- endif %}
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [this.incorporate(type=kind)]}) }}
{% endmacro %}
