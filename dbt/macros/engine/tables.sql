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

{#- How DuckDB makes a table: carried on from the last build where it can be, else in one statement, which takes the place of
    what stood there. The adapter's own way builds under another name, renames twice and drops, for readers of a live database;
    the build file has none, and a fifth of a small night went into it. A contract is compared with the query's columns as
    ever, but not where the table of the last build stands: it was made by the same rules. -#}
{% materialization table, adapter='duckdb' %}

    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set plan = carrying_plan(sql, existing is not none and existing.is_table) -%}

    {{ run_hooks(pre_hooks) }}

    {%- if plan.do == 'keep' -%}
        {% do log_unchanged() %}
    {%- elif plan.do == 'whole' or not carry_on(sql, plan) -%}
        {%- set query = checked_query(sql, plan.is_logged) -%}
        {%- if plan.is_logged -%}
            {% do replace_logged(query, plan) %}
        {%- else -%}
            {% do make_at_once('table', existing, query) %}
        {%- endif -%}
    {%- endif -%}

    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [target_relation]}) }}

{% endmaterialization %}

{#- A view, and what changed in its rows since the last build, where it says by which column that can be told. -#}
{% materialization view, adapter='duckdb' %}

    {%- set target_relation = this.incorporate(type='view') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set plan = carrying_plan(sql, existing is not none and existing.is_view) -%}

    {{ run_hooks(pre_hooks) }}
    {% do make_at_once('view', existing, checked_query(sql, plan.is_logged)) %}
    {%- if plan.do == 'keep' -%}
        {% do log_unchanged() %}
    {%- elif plan.do == 'carry' -%}
        {% do log_view(sql, plan) %}
    {%- endif -%}
    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [target_relation]}) }}

{% endmaterialization %}

{#- A table or a view (`kind`) in one statement. -#}
{% macro make_at_once(kind, existing, query) %}
    {%- if existing is not none and existing.type != kind -%}
        {% do adapter.drop_relation(existing) %}
    {%- endif -%}
    {% call statement('main') -%}
        create or replace {{ kind }} {{ this }} as
        {{ query }}
    {%- endcall %}
{% endmacro %}

{#- A model's query; with a contract, in its order, and compared with it unless that was done before. -#}
{% macro checked_query(sql, is_known) %}
    {%- if not config.get('contract').enforced -%}
        {{ return(sql) }}
    {%- endif -%}
    {%- if not is_known -%}
        {{ get_assert_columns_equivalent(sql) }}
    {%- endif -%}
    {{ return(get_select_subquery(sql)) }}
{% endmacro %}
