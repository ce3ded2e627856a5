{#- What a model says of itself so that a night on DuckDB can carry it on from the last complete build, instead of building it
    whole (`warehouse.carry`). A model that says nothing is built whole, unless nothing that it reads has changed. -#}

{#- Configuration: `config(meta=carried(by='account_key', keyed=['fct_revenue'], lookups={...}, due={...}))`.

    by: the columns of the model, one or a list.
    keyed: inputs that hold the same values: a list where the columns have the same names, or name -> SQL on its columns. A
        raw table is 'hubspot.contacts'. An input that is read by one of two keys has a list of both: [[a, b], [a, c]].
    lookups: inputs that are joined by another column: name -> {on: its column, through: {input: column there}}, where the
        input is a keyed one, a lookup that stands before it, or 'this', and the column may be a list of them. When a row
        changes, the values of all rows are made again that find it that way. `whole: true` reads all of a small one.
    due: what the passing of time alone changes: keyed input, lookup, or 'this' -> condition on its columns, with `:since` for the
        instant of the last build and `:now` for the run's. A query that holds the run's instant and has no `due` is built
        whole; `due={}` says that the instant changes nothing in rows that stand.
    An input that is in none of them is one of which any change makes the whole table anew. -#}
{% macro carried(by, keyed, lookups={}, due=none) -%}
    {%- set by = [by] if by is string else by -%}
    {%- set named = {} -%}
    {%- for name in keyed -%}
        {%- set key = keyed[name] if keyed is mapping else by -%}
        {%- set key = [key] if key is string else key -%}
        {%- do named.update({name: [key] if key[0] is string else key}) -%}
    {%- endfor -%}
    {%- set found = {} -%}
    {%- for name, lookup in lookups.items() -%}
        {%- set through = {} -%}
        {%- for input, columns in lookup.through.items() -%}
            {%- do through.update({input: [columns] if columns is string else columns}) -%}
        {%- endfor -%}
        {%- do found.update({name: dict(lookup, through=through)}) -%}
    {%- endfor -%}
    {{ return({'carried': {'by': by, 'keyed': named, 'lookups': found, 'due': due}}) }}
{%- endmacro %}

{#- Configuration of a model that is made whole when anything that it reads has changed, and otherwise only when `due` holds for
    a row: `config(meta=timed({'int_deals': 'close_at > :since and close_at <= :now'}))`, in the terms of `carried`. -#}
{% macro timed(due) -%}
    {{ return(carried(by=[], keyed=[], due=due)) }}
{%- endmacro %}

{#- `local_date` and `local_midnight` for a configuration, which is read when the project is parsed: the zone is the run's. -#}
{% macro run_date(instant) -%}
    {{ return('[[date ' ~ instant ~ ']]') }}
{%- endmacro %}

{% macro run_midnight(day) -%}
    {{ return('[[midnight ' ~ day ~ ']]') }}
{%- endmacro %}

{#- For `due`: a month has begun since the last build. -#}
{% macro month_turns() -%}
    {{ return(month_of(run_date(':now')) ~ ' > ' ~ month_of(run_date(':since'))) }}
{%- endmacro %}

{#- For `due`: the month of a row, of the column `month`, was not over at the last build. -#}
{% macro month_was_open() -%}
    {{ return('month >= ' ~ month_of(run_date(':since'))) }}
{%- endmacro %}

{#- For `due`: a day has begun since the last build. -#}
{% macro day_turns() -%}
    {{ return(run_date(':now') ~ ' > ' ~ run_date(':since')) }}
{%- endmacro %}

{#- For `due`: the run's instant has come to this one, or its day to this day, since the last build. -#}
{% macro has_come(instant) -%}
    {{ return('(' ~ instant ~ ' > :since and ' ~ instant ~ ' <= :now)') }}
{%- endmacro %}

{% macro day_has_come(day) -%}
    {{ return('(' ~ day ~ ' > ' ~ run_date(':since') ~ ' and ' ~ day ~ ' <= ' ~ run_date(':now') ~ ')') }}
{%- endmacro %}
