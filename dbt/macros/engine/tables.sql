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

{#- How DuckDB makes a table or a view (`kind`): in one statement, which takes the place of what stood there. The adapter's own
    way builds under another name, renames twice and drops, for readers of a live database; the build file has none, and a
    fifth of a small night went into it. A contract is compared with the query's columns as ever. Gives the relation. -#}
{% macro make_at_once(kind, sql, pre_hooks, post_hooks) %}

    {%- set target_relation = this.incorporate(type=kind) -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set is_enforced = config.get('contract').enforced -%}

    {{ run_hooks(pre_hooks) }}

    {%- if existing is not none and existing.type != kind -%}
        {% do adapter.drop_relation(existing) %}
    {%- endif -%}
    {%- if is_enforced -%}
        {{ get_assert_columns_equivalent(sql) }}
    {%- endif -%}

    {% call statement('main') -%}
        create or replace {{ kind }} {{ target_relation }} as
        {{ get_select_subquery(sql) if is_enforced else sql }}
    {%- endcall %}

    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return(target_relation) }}

{% endmacro %}

{% materialization table, adapter='duckdb' %}
    {{ return({'relations': [make_at_once('table', sql, pre_hooks, post_hooks)]}) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {{ return({'relations': [make_at_once('view', sql, pre_hooks, post_hooks)]}) }}
{% endmaterialization %}
