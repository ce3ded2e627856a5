{#- Carrying on: what a night does to a table on DuckDB instead of building it whole, when few rows of what it reads have
    changed since the last complete build (`warehouse.changes`).

    A model says by which columns its rows stand apart: the rows of one value of `by` depend on those rows alone that the
    same value has in its inputs. The values whose inputs changed are made again, by the model's own query on what its inputs
    hold of them; rows that come out as they stood stay, and those that differ are kept in `changes.<model>` for the models
    that read it. A model that says nothing is built whole, unless nothing that it reads has changed. -#}

{#- Configuration: `config(meta=carried(by='account_key', keyed=['fct_revenue'], lookups={...}, due={...}))`.

    by: the columns of the model, one or a list.
    keyed: inputs that hold the same values: a list where the columns have the same names, or name -> SQL on its columns. A
        raw table is 'hubspot.contacts'. An input that is read by one of two keys has a list of both: [[a, b], [a, c]].
    lookups: inputs that are joined by another column: name -> {on: its column, through: {input: column there}}, where the
        input is a keyed one, a lookup that stands before it, or 'this', and the column may be a list of them. When a row
        changes, the values of all rows are made again that find it that way. `whole: true` reads all of a small one.
    due: what the passing of time alone changes: keyed input, or 'this' -> condition on its columns, with `:since` for the
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

{#- What a model says of itself, in the run's own terms. -#}
{% macro resolved(spec) -%}
    {%- set since = "cast('" ~ var('carried_from') ~ "' as timestamp)" -%}
    {%- set state = namespace(text=tojson(spec) | replace(':since', since) | replace(':now', as_of())) -%}
    {#- the innermost first -#}
    {%- for depth in range(3) -%}
        {%- for kind, own in modules.re.findall('\\[\\[(date|midnight) ([^\\[\\]]*)\\]\\]', state.text) -%}
            {%- set state.text = state.text | replace(
                '[[' ~ kind ~ ' ' ~ own ~ ']]', local_date(own) if kind == 'date' else local_midnight(own)
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(fromjson(state.text)) }}
{%- endmacro %}

{#- What a model reads, apart from seeds, which change with the project only: name -> its relation, and the name in the log. -#}
{% macro carried_inputs() -%}
    {%- set inputs = {} -%}
    {%- for unique_id in model.depends_on.nodes -%}
        {%- if unique_id.startswith('source.') -%}
            {%- set node = graph.sources[unique_id] -%}
            {%- set logged = node.schema ~ '.' ~ node.identifier -%}
            {%- do inputs.update({node.source_name ~ '.' ~ node.name: {'relation': node.relation_name, 'logged': logged}}) -%}
        {%- elif unique_id.startswith('model.') -%}
            {%- set node = graph.nodes[unique_id] -%}
            {%- set logged = node.schema ~ '.' ~ node.alias -%}
            {%- do inputs.update({node.name: {
                'relation': node.relation_name, 'logged': logged, 'changes': changes_of(node.alias),
                'raw': graph.sources[node.depends_on.nodes[0]].relation_name if is_view_of_raw(node) else none,
            }}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(inputs) }}
{%- endmacro %}

{#- Whether a model is a view of one raw table and of nothing else. -#}
{% macro is_view_of_raw(node) -%}
    {%- set read = node.depends_on.nodes -%}
    {{ return(node.config.materialized == 'view' and read | length == 1 and read[0].startswith('source.')) }}
{%- endmacro %}

{#- The table of the rows of a model that differ from the last build's, `carried_is_gone` where they are no more. -#}
{% macro changes_of(name) -%}
    {{ return('"' ~ this.database ~ '"."changes"."' ~ name ~ '"') }}
{%- endmacro %}

{#- What this night does with a model, as a plan: {do: 'whole' | 'keep' | 'carry', spec, inputs: those with their changes}. -#}
{% macro carrying_plan(sql, stands) -%}
    {%- if not var('carried_from') or not stands or should_full_refresh() -%}
        {{ return({'do': 'whole', 'is_logged': false}) }}
    {%- endif -%}
    {%- set inputs = carried_inputs() -%}
    {%- set spec = resolved(model.config.meta.get('carried') or carried_of_view(inputs)) -%}
    {%- set own_columns = read_log(inputs) -%}
    {%- set due = spec.due if spec else none -%}
    {%- set has_key = spec and spec.by -%}
    {%- set is_timed = var('as_of') in sql and (due is none or (due | length > 0 and (has_key or is_due(inputs, due)))) -%}
    {%- set seen = "columns(lambda name: name in ('" ~ (words_of(sql, spec) + own_columns.keys() | list) | unique | join("', '") ~ "'))" -%}
    {%- if spec or not is_timed -%}
        {%- do see_changes(inputs, seen) -%}
    {%- endif -%}
    {%- set state = namespace(is_known=true, has_changed=false, is_followed=true) -%}
    {%- for name, input in inputs.items() -%}
        {%- if input.changed is none -%}
            {%- set state.is_known = false -%}
        {%- elif input.changed > 0 -%}
            {%- set state.has_changed = true -%}
            {%- if has_key and name not in spec.keyed and name not in spec.lookups -%}
                {%- set state.is_followed = false -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if state.is_known and not state.has_changed and not is_timed -%}
        {%- set todo = 'keep' -%}
    {%- elif has_key and state.is_known and state.is_followed and not (is_timed and due is none) -%}
        {%- set todo = 'carry' -%}
    {%- else -%}
        {%- set todo = 'whole' -%}
    {%- endif -%}
    {{ return({
        'do': todo, 'inputs': inputs, 'is_logged': true, 'spec': spec, 'seen': seen, 'wide': wide_columns(own_columns)
    }) }}
{%- endmacro %}

{#- Whether a condition of `due` holds for a row. -#}
{% macro is_due(inputs, due) -%}
    {%- set parts = [] -%}
    {%- for name, condition in due.items() -%}
        {%- if name == 'this' -%}
            {%- do parts.append('exists (select 1 from ' ~ this ~ ' where ' ~ condition ~ ')') -%}
        {%- else -%}
            {%- set input = inputs[name] -%}
            {%- do parts.append('exists (select 1 from ' ~ (input.raw if input.query else input.relation)
                ~ ' where ' ~ in_raw(input, condition) ~ ')') -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(fetched('select ' ~ parts | join(' or '))[0][0]) }}
{%- endmacro %}

{#- Note with each input how many of its rows have changed (none: nobody knows), and what it is a view of. Gives the names of
    the model's own columns, with their types. -#}
{% macro read_log(inputs) -%}
    {%- set names, found, own_columns = [], {}, {} -%}
    {%- for input in inputs.values() -%}
        {%- do names.append("'" ~ input.logged ~ "'") -%}
    {%- endfor -%}
    {%- set rows = fetched(
        "select relation, changed, query from changes.log where relation in (" ~ (names or ["''"]) | join(', ') ~ ")"
        ~ " union all select column_type, null, column_name from (describe " ~ this ~ ")"
    ) -%}
    {%- for row in rows -%}
        {%- if row[1] is none -%}
            {%- do own_columns.update({row[2]: row[0]}) -%}
        {%- else -%}
            {%- do found.update({row[0]: row}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for input in inputs.values() -%}
        {%- set row = found.get(input.logged) -%}
        {%- do input.update({'changed': row[1] | int if row else none, 'query': row[2] if row else none}) -%}
    {%- endfor -%}
    {{ return(own_columns) }}
{%- endmacro %}

{#- Of columns by their types the names of those with more than 64 bits. -#}
{% macro wide_columns(types) -%}
    {%- set names = [] -%}
    {%- for name, type in types.items() if modules.re.fullmatch('U?HUGEINT|DECIMAL\\((19|[23][0-9]),[0-9]+\\)', type) -%}
        {%- do names.append(name) -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}

{#- What a row is told apart by, 64 bits. DuckDB's hash of a number of more bits is the same for 0 and -1, or 0.0000 and
    -0.0001: their sign is hashed as well. -#}
{% macro row_hash(row, wide) -%}
    hash({{ row }}{% for name in wide %}, {{ row }}.{{ name }} < 0{% endfor %})
{%- endmacro %}

{#- The words of a query, and of what the model says about its inputs. -#}
{% macro words_of(sql, spec) -%}
    {{ return(modules.re.findall('[a-z_][a-z_0-9]*', sql ~ ' ' ~ (spec or {}))) }}
{%- endmacro %}

{#- Leave of the changes of each input those that the model can see: a column whose name is not in its query, nor among its own
    columns, plays no part in it. They become `carried_changed_<input>`, and the counts follow. -#}
{% macro see_changes(inputs, seen) -%}
    {%- set names = [] -%}
    {%- for name, input in inputs.items() if input.changed and input.changes -%}
        {%- do names.append(name) -%}
    {%- endfor -%}
    {%- if not names -%}
        {{ return('') }}
    {%- endif -%}
    {%- set statements, counts = [], [] -%}
    {%- for name in names -%}
        {%- do statements.append("create or replace temp table carried_changed_" ~ name ~ " as select 1 as carried_one, "
            ~ seen ~ " from " ~ inputs[name].changes
            ~ " group by all having sum(case when carried_is_gone then 1 else -1 end) <> 0") -%}
        {%- do counts.append("(select count(*) from carried_changed_" ~ name ~ ")") -%}
    {%- endfor -%}
    {%- set row = fetched(statements | join('; ') ~ '; select ' ~ counts | join(', '))[0] -%}
    {%- for name in names -%}
        {%- do inputs[name].update({'changed': row[loop.index0] | int}) -%}
    {%- endfor -%}
{%- endmacro %}

{#- A view of one raw table stands by its ids, without saying so. -#}
{% macro carried_of_view(inputs) -%}
    {%- if is_view_of_raw(model) -%}
        {{ return(carried('id', [inputs.keys() | first], due={}).carried) }}
    {%- endif -%}
{%- endmacro %}

{#- The values of a model's key that have to be made again, as a query of carried_key_1, carried_key_2, ... -#}
{% macro carried_keys(plan) -%}
    {%- set parts = [] -%}
    {%- for name, keys in plan.spec.keyed.items() if plan.inputs[name].changed -%}
        {%- for key in keys -%}
            {%- do parts.append('select distinct ' ~ named_key(key) ~ ' from ' ~ changed_rows(plan, name)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for name, lookup in plan.spec.lookups.items() if plan.inputs[name].changed -%}
        {%- do parts.extend(keys_that_find(plan, name, 'select ' ~ lookup.on ~ ' from ' ~ changed_rows(plan, name))) -%}
    {%- endfor -%}
    {%- for name, condition in (plan.spec.due or {}).items() -%}
        {%- do parts.extend(keys_where(plan, name, condition)) -%}
    {%- endfor -%}
    {{ return(parts | join(' union ')) }}
{%- endmacro %}

{#- Queries of the keys whose rows find, through a lookup, a row of one of the values that a query gives. -#}
{% macro keys_that_find(plan, name, values) -%}
    {%- set parts = [] -%}
    {%- for through, columns in plan.spec.lookups[name].through.items() -%}
        {%- for column in columns -%}
            {%- do parts.extend(keys_where(plan, through, column, ' in (' ~ values ~ ')')) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(parts) }}
{%- endmacro %}

{#- Queries of the keys that rest on the rows of an input, or of the table itself, for which `own`, SQL on their columns, and
    `rest`, SQL on others, are a condition that holds. -#}
{% macro keys_where(plan, name, own, rest='') -%}
    {%- set parts = [] -%}
    {%- if name == 'this' -%}
        {%- do parts.append('select distinct ' ~ named_key(plan.spec.by) ~ ' from ' ~ this ~ ' where (' ~ own ~ ')' ~ rest) -%}
    {%- else -%}
        {%- set input = plan.inputs[name] -%}
        {%- set origin = ' from ' ~ (input.raw if input.query else input.relation)
            ~ ' where (' ~ in_raw(input, own) ~ ')' ~ rest -%}
        {%- for key in plan.spec.keyed.get(name, []) -%}
            {%- do parts.append('select distinct ' ~ in_raw(input, named_key(key)) ~ origin) -%}
        {%- endfor -%}
        {%- if name in plan.spec.lookups -%}
            {%- set on = plan.spec.lookups[name].on -%}
            {%- do parts.extend(keys_that_find(plan, name, 'select ' ~ in_raw(input, on) ~ origin)) -%}
        {%- endif -%}
    {%- endif -%}
    {{ return(parts) }}
{%- endmacro %}

{#- The rows of an input that came, went or changed since the last build; of a raw table, those that came. -#}
{% macro changed_rows(plan, name) -%}
    {%- set input = plan.inputs[name] -%}
    {{ return('carried_changed_' ~ name if input.changes else '(select * from ' ~ input.relation ~ ' where extracted_at > ' ~ since_instant()
        ~ ' and extracted_at <= ' ~ as_of_instant() ~ ')') }}
{%- endmacro %}

{#- SQL on the columns of a view of one raw table, on the columns of that table: all versions of what the view shows. What a
    key or a condition names is called there as it is here, but for the id. -#}
{% macro in_raw(input, expression) -%}
    {%- if not input.query -%}
        {{ return(expression) }}
    {%- endif -%}
    {%- set own_id = modules.re.search('(?m)^ *id as (\\w+)', input.query).group(1) -%}
    {{ return(modules.re.sub('\\b' ~ own_id ~ '\\b', 'id', expression)) }}
{%- endmacro %}

{% macro named_key(key) -%}
    {%- set columns = [] -%}
    {%- for part in key -%}
        {%- do columns.append(part ~ ' as carried_key_' ~ loop.index) -%}
    {%- endfor -%}
    {{ return(columns | join(', ')) }}
{%- endmacro %}

{#- The names of the columns of `carried_keys`. -#}
{% macro key_columns(key) -%}
    {%- set columns = [] -%}
    {%- for part in key -%}
        {%- do columns.append('carried_key_' ~ loop.index) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}

{#- What a relation holds of the values that are made again, as a derived table. -#}
{% macro kept_by_key(plan, relation, key, columns='kept.*') -%}
    {#- the engine reads less for a plain comparison -#}
    {%- set same = ') is not distinct from ' if plan.has_null_keys else ') = ' -%}
    {%- set pairs = [] -%}
    {%- for part in key -%}
        {%- do pairs.append('(' ~ part ~ same ~ 'carried_keys.carried_key_' ~ loop.index) -%}
    {%- endfor -%}
    {{ return('(select ' ~ columns ~ ' from ' ~ relation ~ ' as kept semi join carried_keys on ' ~ pairs | join(' and ') ~ ')') }}
{%- endmacro %}

{#- The condition on an input's columns by which it is read: it holds one of the values, or a row is found that way. `is_raw`:
    on the columns of the raw table that the input is a view of. -#}
{% macro read_where(plan, name, is_raw=false) -%}
    {%- set input = plan.inputs[name] -%}
    {%- set parts = [] -%}
    {%- for key in plan.spec.keyed.get(name, []) -%}
        {#- NULLs are the same in a tuple only -#}
        {%- set more = ', 1)' if plan.has_null_keys else ')' -%}
        {%- set own = key | join(', ') -%}
        {%- do parts.append('(' ~ (in_raw(input, own) if is_raw else own) ~ more ~ ' in (select (' ~ key_columns(key) | join(', ') ~ more ~ ' from carried_keys)') -%}
    {%- endfor -%}
    {%- set lookup = plan.spec.lookups.get(name) -%}
    {%- for through, columns in (lookup.through if lookup else {}).items() -%}
        {%- for column in columns -%}
            {%- if through == 'this' and column not in plan.spec.by -%}
                {{ return('true') }}
            {%- endif -%}
            {%- set values = 'carried_key_' ~ (plan.spec.by.index(column) + 1) ~ ' from carried_keys' if through == 'this'
                else column ~ ' from ' ~ taken(through) -%}
            {%- do parts.append('(' ~ (in_raw(input, lookup.on) if is_raw else lookup.on) ~ ') in (select ' ~ values ~ ')') -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(parts | join(' or ')) }}
{%- endmacro %}

{#- Statements that make a temporary table of what each keyed input and lookup holds of the values that are made again. -#}
{% macro take_inputs(plan) -%}
    {%- set statements = [] -%}
    {%- for name in carried_names(plan) -%}
        {%- set input = plan.inputs[name] -%}
        {%- set keys = plan.spec.keyed.get(name, []) -%}
        {%- set condition = read_where(plan, name) -%}
        {%- if input.query and condition != 'true' -%}
            {%- do statements.append('create or replace temp table carried_ids as select distinct id from ' ~ input.raw ~ ' where '
                ~ read_where(plan, name, is_raw=true)) -%}
            {%- set kept = '(select * from (' ~ input.query | replace(
                input.raw, '(select * from ' ~ input.raw ~ ' where id in (select id from carried_ids))'
            ) ~ ') as given where ' ~ condition ~ ')' -%}
        {%- elif keys | length == 1 and name not in plan.spec.lookups -%}
            {%- set kept = kept_by_key(plan, input.relation, keys[0]) -%}
        {%- else -%}
            {%- set kept = '(select * from ' ~ input.relation ~ ' where ' ~ condition ~ ')' -%}
        {%- endif -%}
        {%- do statements.append('create or replace temp table ' ~ taken(name) ~ ' as select ' ~ plan.seen ~ ' from ' ~ kept ~ ' as given') -%}
    {%- endfor -%}
    {{ return(statements | join(';\n')) }}
{%- endmacro %}

{#- The inputs of which a part is enough, keyed ones first: what is small is read whole. -#}
{% macro carried_names(plan) -%}
    {%- set names = plan.spec.keyed.keys() | list -%}
    {%- for name, lookup in plan.spec.lookups.items() if name not in names and not lookup.whole -%}
        {%- do names.append(name) -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}

{% macro taken(name) -%}
    {{ return('carried_' ~ name | replace('.', '__')) }}
{%- endmacro %}

{#- A model's query on what was taken of its inputs, of the values that are made again. -#}
{% macro carried_query(sql, plan) -%}
    {%- set state = namespace(sql=sql) -%}
    {%- for name in carried_names(plan) -%}
        {%- set state.sql = state.sql | replace(plan.inputs[name].relation, taken(name)) -%}
    {%- endfor -%}
    {#- a query may end in a comment -#}
    {{ return(state.sql ~ '\n') }}
{%- endmacro %}

{#- The instant of the last complete build, to compare with the raw ledger's. -#}
{% macro since_instant() -%}
    cast('{{ var("carried_from") }}+00:00' as timestamptz)
{%- endmacro %}

{#- Make the rows of a table again whose inputs changed. Gives whether it was done: where so many are to be made again that
    the whole is as cheap, nothing was. Temporary tables go with the model's connection. -#}
{% macro carry_on(sql, plan) -%}
    {%- set keys = fetched(
        "create or replace temp table carried_keys as " ~ carried_keys(plan) ~ ";"
        ~ "select count(*), count(*) filter (where " ~ key_columns(plan.spec.by) | join(' is null or ') ~ " is null) from carried_keys"
    )[0] -%}
    {%- if keys[0] == 0 -%}
        {%- do log_unchanged() -%}
        {{ return(true) }}
    {%- endif -%}
    {%- do plan.update({'has_null_keys': keys[1] > 0}) -%}
    {%- set rows = fetched(
        "create or replace temp table carried_gone as "
        ~ select_all(kept_by_key(plan, this, plan.spec.by, placed('kept', plan))) ~ ";"
        ~ "select (select count(*) from carried_gone), count(*), max(rowid) + 1 from " ~ this
    )[0] -%}
    {%- if rows[0] * 2 > rows[1] and var('carried_share') -%}
        {{ return(false) }}
    {%- endif -%}
    {%- call statement('main') -%}
        {{ take_inputs(plan) }};
        {# no insert into an empty table: DuckDB 2.0 loses what comes in whole row groups to one of the same transaction -#}
        create or replace temp table carried_come as
        (from {{ this }} limit 0)
        union all by name
        ({{ select_all(kept_by_key(plan, '(' ~ carried_query(sql, plan) ~ ')', plan.spec.by)) }});
        {{ log_difference('carried_gone', 'carried_come', plan.wide, is_placed=true) }};
        {{ write_changes(is_worn(rows[2], rows[1])) }}
    {%- endcall -%}
    {{ return(true) }}
{%- endmacro %}

{#- The columns of the table's rows, with the place of each in it and its hash. -#}
{% macro placed(row, plan) -%}
    {{ return(row ~ '.*, ' ~ row ~ '.rowid as carried_row, ' ~ row_hash(row, plan.wide) ~ ' as carried_hash') }}
{%- endmacro %}

{#- Statements that bring the changes of a table into it, row by row or, when it is worn, by writing all of it. -#}
{% macro write_changes(is_worn) -%}
    {%- set gone = '(select carried_row from ' ~ changes_of(this.identifier) ~ ' where carried_is_gone)' -%}
    {%- set come = 'select * exclude (carried_row, carried_is_gone) from ' ~ changes_of(this.identifier) ~ ' where not carried_is_gone' -%}
    {% if is_worn -%}
    create or replace table {{ this }} as
    select * from {{ this }} where rowid not in {{ gone }} union all {{ come }}
    {%- else -%}
    delete from {{ this }} where rowid in {{ gone }};
    insert into {{ this }} {{ come }}
    {%- endif %}
{%- endmacro %}

{#- Whether a table is better written anew: a row that is deleted stays in the file until then. -#}
{% macro is_worn(room, row_count) -%}
    {{ return((room or 0) > 1.25 * row_count) }}
{%- endmacro %}

{% macro select_all(derived) -%}
    {{ return('select * from ' ~ derived ~ ' as given') }}
{%- endmacro %}

{#- Statements that keep in which rows two tables differ: rows are told apart by a hash of 64 bits. `is_placed`: the first
    has it, and the row's place in the table, as columns. -#}
{% macro log_difference(gone, come, wide, is_placed=false) -%}
    {%- set own_hash = 'old.carried_hash' if is_placed else row_hash('old', wide) -%}
    {%- set new_hash = row_hash('new', wide) %}
    create or replace temp table carried_differing as
    select row_hash
    from (
        select {{ own_hash }} as row_hash, -1 as copies from {{ gone }} as old
        union all
        select {{ new_hash }} as row_hash, 1 as copies from {{ come }} as new
    ) as sides
    group by row_hash
    having sum(copies) <> 0;
    create table {{ changes_of(this.identifier) }} as
    select old.*{{ ' exclude (carried_hash)' if is_placed }}, true as carried_is_gone
    from {{ gone }} as old semi join carried_differing on {{ own_hash }} = carried_differing.row_hash
    union all
    select new.*, {{ 'null as carried_row, ' if is_placed }}false as carried_is_gone
    from {{ come }} as new semi join carried_differing on {{ new_hash }} = carried_differing.row_hash;
    insert into changes.log
    select '{{ this.schema }}.{{ this.identifier }}', count(*), {{ logged_query() }} from {{ changes_of(this.identifier) }}
{%- endmacro %}

{#- Keep in which rows a table that was there, of columns of up to 64 bits, differs from the rows that replace it. -#}
{% macro log_replacement(existing, fresh) -%}
    {%- if existing is not none and var('carried_from') -%}
        {%- call statement('log') -%}
            {{ log_difference(existing, fresh, []) }}
        {%- endcall -%}
    {%- endif -%}
{%- endmacro %}

{% macro log_unchanged() -%}
    {%- call statement('main') -%}
        insert into changes.log values ('{{ this.schema }}.{{ this.identifier }}', 0, {{ logged_query() }})
    {%- endcall -%}
{%- endmacro %}

{#- What a view of one raw table is, for those that read a part of it: the engine does not push the part down to the raw rows. -#}
{% macro logged_query() -%}
    {{ return("'" ~ model.compiled_code | replace("'", "''") ~ "'" if is_view_of_raw(model) else 'null') }}
{%- endmacro %}

{#- The rows in which a view differs from what it was at the last build: its query on its inputs as they stand, and as they
    stood. -#}
{% macro log_view(sql, plan) -%}
    {%- call statement('log') -%}
        create or replace temp table carried_keys as {{ carried_keys(plan) }};
        {{ take_inputs(plan) }};
        create or replace temp table carried_come as {{ select_all('(' ~ carried_query(sql, plan) ~ ')') }};
        {% for name in carried_names(plan) if plan.inputs[name].changed -%}
        create or replace temp table {{ taken(name) }} as
            {% if not plan.inputs[name].changes -%}
            select * from {{ taken(name) }} where extracted_at <= {{ since_instant() }};
            {%- else -%}
            {%- set news = '(select ' ~ plan.seen ~ ', carried_is_gone from ' ~ plan.inputs[name].changes ~ ' where ' ~ read_where(plan, name) ~ ')' -%}
            select * from {{ taken(name) }}
            except all select * exclude (carried_is_gone) from {{ news }} where not carried_is_gone
            union all select * exclude (carried_is_gone) from {{ news }} where carried_is_gone;
            {%- endif %}
        {% endfor -%}
        create or replace temp table carried_gone as {{ select_all('(' ~ carried_query(sql, plan) ~ ')') }};
        {{ log_difference('carried_gone', 'carried_come', plan.wide) }}
    {%- endcall -%}
{%- endmacro %}

{#- Give a table the rows of a query, and keep in which rows the two differ; only those are written, unless they are many. -#}
{% macro replace_logged(query, plan) -%}
    {%- call statement('come') -%}
        create or replace temp table carried_come as
        {{ query }}
        ;
        {{ log_difference('(select ' ~ placed('kept', plan) ~ ' from ' ~ this ~ ' as kept)', 'carried_come', plan.wide, is_placed=true) }}
    {%- endcall -%}
    {%- set counted = fetched(
        "select (select count(*) from " ~ changes_of(this.identifier) ~ "), (select count(*) from carried_come), max(rowid) + 1 from " ~ this
    )[0] -%}
    {%- call statement('main') -%}
        {% if counted[0] > counted[1] or is_worn(counted[2], counted[1]) %}
        create or replace table {{ this }} as from carried_come;
        {% elif counted[0] > 0 %}
        {{ write_changes(false) }};
        {% else %}
        select 'it stands' as outcome
        {% endif %}
    {%- endcall -%}
{%- endmacro %}

{#- The rows of a query as they come: dbt's own table of a result takes longer to make than most queries here. -#}
{% macro fetched(query) -%}
    {%- set connection, cursor = adapter.add_query(query, auto_begin=false) -%}
    {{ return(cursor.fetchall()) }}
{%- endmacro %}
