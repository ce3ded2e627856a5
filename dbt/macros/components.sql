{#- Connected components of a graph. The model's query gives the edges as (node_id, neighbour_id), in any direction, and a
    node without edges as an edge to itself; the table it becomes is (node_id, component_id), where component_id is the
    smallest node id of the component. Every node takes the smallest label among its neighbours, then its label's label
    (pointer jumping), until a round changes nothing. Labels only ever fall, so cycles end as well.

    The edges stay beside the table, as `<model>__edges`. The next build compares: components in which no edge came or went
    keep their labels, and only the others are computed again. As a label depends on nothing but its component's edges,
    that gives what a full build gives, whatever has happened in between. -#}
{% materialization components, default %}

    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = none if should_full_refresh() else load_cached_relation(this) -%}
    {%- set edges = scratch('__edges') -%}
    {%- set news = scratch('__news') -%}
    {%- set open = scratch('__open') -%}
    {%- set labels = [scratch('__labels_a'), scratch('__labels_b')] -%}
    {%- set before_edges = load_relation(edges) if existing is not none else none -%}

    {{ run_hooks(pre_hooks) }}

    {%- for relation in [news, open] + labels -%}
        {% do adapter.drop_relation(relation) %}
    {%- endfor -%}

    {% call statement('news') -%}
        create table {{ news }} {{ table_format() }} as
        with given as (
            {{ sql }}
        )
        select node_id, neighbour_id from given
        union
        select neighbour_id as node_id, node_id as neighbour_id from given
        union
        select node_id, node_id as neighbour_id from given
        union
        select neighbour_id as node_id, neighbour_id from given
    {%- endcall %}

    {#- the edges of what has to be computed: everything, or the components that an edge joined or left -#}
    {% call statement('open') -%}
        create table {{ open }} {{ table_format() }} as
        {%- if before_edges is none %}
        select node_id, neighbour_id from {{ news }}
        {%- else %}
        with changed as (
            {{ difference(news, before_edges, 'node_id, neighbour_id') }}
        ),
        touched as (
            select distinct known.component_id
            from changed
            inner join {{ existing }} as known on changed.node_id = known.node_id
        )
        select news.node_id, news.neighbour_id
        from {{ news }} as news
        left join {{ existing }} as known on news.node_id = known.node_id
        left join touched on known.component_id = touched.component_id
        where known.node_id is null or touched.component_id is not null
        {%- endif %}
    {%- endcall %}

    {% call statement('labels') -%}
        create table {{ labels[0] }} {{ table_format() }} as
        select node_id, min(neighbour_id) as label from {{ open }} group by node_id
    {%- endcall %}

    {%- set state = namespace(current=0, changed=1) -%}
    {#- Each round at least halves a chain, so 64 rounds are out of reach for any graph that fits a disk. -#}
    {%- for round in range(64) -%}
        {%- if state.changed > 0 -%}
            {%- set before = labels[state.current] -%}
            {%- set after = labels[1 - state.current] -%}
            {% do adapter.drop_relation(after) %}
            {% call statement('round') -%}
                create table {{ after }} {{ table_format() }} as
                with spread as (
                    select edges.node_id, min(labels.label) as label
                    from {{ open }} as edges
                    inner join {{ before }} as labels on edges.neighbour_id = labels.node_id
                    group by edges.node_id
                )
                select spread.node_id, labels.label
                from spread
                inner join {{ before }} as labels on spread.label = labels.node_id
            {%- endcall %}
            {%- set counted = run_query(
                "select count(*) as changed from " ~ after ~ " as a inner join " ~ before
                ~ " as b on a.node_id = b.node_id where a.label <> b.label"
            ) -%}
            {%- set state.changed = counted.columns[0].values()[0] | int -%}
            {%- set state.current = 1 - state.current -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if state.changed > 0 -%}
        {% do exceptions.raise_compiler_error(this.identifier ~ ": components did not settle") %}
    {%- endif -%}

    {%- set settled = labels[state.current] -%}
    {%- set merged = labels[1 - state.current] -%}
    {% do adapter.drop_relation(merged) %}
    {% call statement('merged') -%}
        create table {{ merged }} {{ table_format() }} as
        select node_id, label from {{ settled }}
        {%- if before_edges is not none %}
        union all
        select known.node_id, known.component_id as label
        from {{ existing }} as known
        inner join (select distinct node_id from {{ news }}) as news on known.node_id = news.node_id
        left join {{ settled }} as settled on known.node_id = settled.node_id
        where settled.node_id is null
        {%- endif %}
    {%- endcall %}

    {{ replace_with(load_cached_relation(this), target_relation, 'select node_id, label as component_id from ' ~ merged) }}
    {{ replace_with(edges, edges, 'select node_id, neighbour_id from ' ~ news) }}

    {%- for relation in [news, open] + labels -%}
        {% do adapter.drop_relation(relation) %}
    {%- endfor -%}

    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [target_relation]}) }}

{% endmaterialization %}

{#- A table beside the model's own, for what a materialization works with. -#}
{% macro scratch(suffix) -%}
    {{ return(api.Relation.create(
        database=this.database, schema=this.schema, identifier=this.identifier ~ suffix, type='table'
    )) }}
{%- endmacro %}

{#- Rows that one of two tables has and the other has not. -#}
{% macro difference(left, right, columns) -%}
    (select {{ columns }} from {{ left }} except select {{ columns }} from {{ right }})
    union all
    (select {{ columns }} from {{ right }} except select {{ columns }} from {{ left }})
{%- endmacro %}

{#- A table made anew from a query that does not read it. -#}
{% macro replace_with(old, new, query) -%}
    {%- if old is not none -%}
        {%- do adapter.drop_relation(old) -%}
    {%- endif -%}
    {%- call statement('main') -%}
        create table {{ new }} {{ table_format() }} as
        {{ query }}
    {%- endcall -%}
{%- endmacro %}
