{#- Seeds on Spark, as literals: the adapter's own bindings turn an empty cell into the text 'None' and do not quote quotes. -#}
{% macro spark__load_csv_rows(model, agate_table) -%}
    {%- set overrides = model['config'].get('column_types', {}) -%}
    {%- set statements = [] -%}
    {%- for chunk in agate_table.rows | batch(1000) -%}
        {%- set sql -%}
            insert into {{ this.render() }} values
            {% for row in chunk -%}
                (
                {%- for name in agate_table.column_names -%}
                    {%- set value = row[loop.index0] -%}
                    {%- set type = overrides.get(name, adapter.convert_type(agate_table, loop.index0)) -%}
                    cast({{ 'null' if value is none else dbt.string_literal(dbt.escape_single_quotes(value | string)) }} as {{ type }})
                    {%- if not loop.last %}, {% endif -%}
                {%- endfor -%}
                ){% if not loop.last %},{% endif %}
            {% endfor %}
        {%- endset -%}
        {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
        {%- do statements.append(sql) -%}
    {%- endfor -%}
    {{ return(statements[0]) }}
{%- endmacro %}
