{#- Connected components of a graph. The model's query gives the edges as (node_id, neighbour_id), in any direction, and a
    node without edges as an edge to itself; the table it becomes is (node_id, component_id), where component_id is the
    smallest node id of the component. Every node takes the smallest label among its neighbours, then its label's label
    (pointer jumping), until a round changes nothing. Labels only ever fall, so cycles end as well. -#}
{% materialization components, default %}

    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set edges = api.Relation.create(
        database=this.database, schema=this.schema, identifier=this.identifier ~ '__edges', type='table'
    ) -%}
    {%- set labels = [] -%}
    {%- for suffix in ['__labels_a', '__labels_b'] -%}
        {%- do labels.append(api.Relation.create(
            database=this.database, schema=this.schema, identifier=this.identifier ~ suffix, type='table'
        )) -%}
    {%- endfor -%}

    {{ run_hooks(pre_hooks) }}

    {%- for relation in [edges] + labels -%}
        {% do adapter.drop_relation(relation) %}
    {%- endfor -%}

    {% call statement('edges') -%}
        create table {{ edges }} as
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

    {% call statement('labels') -%}
        create table {{ labels[0] }} as
        select node_id, min(neighbour_id) as label from {{ edges }} group by node_id
    {%- endcall %}

    {%- set state = namespace(current=0, changed=1) -%}
    {#- Each round at least halves a chain, so 64 rounds are out of reach for any graph that fits a disk. -#}
    {%- for round in range(64) -%}
        {%- if state.changed > 0 -%}
            {%- set before = labels[state.current] -%}
            {%- set after = labels[1 - state.current] -%}
            {% do adapter.drop_relation(after) %}
            {% call statement('round') -%}
                create table {{ after }} as
                with spread as (
                    select edges.node_id, min(labels.label) as label
                    from {{ edges }} as edges
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

    {%- if existing_relation is not none -%}
        {% do adapter.drop_relation(existing_relation) %}
    {%- endif -%}
    {% call statement('main') -%}
        create table {{ target_relation }} as
        select node_id, label as component_id from {{ labels[state.current] }}
    {%- endcall %}

    {%- for relation in [edges] + labels -%}
        {% do adapter.drop_relation(relation) %}
    {%- endfor -%}

    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [target_relation]}) }}

{% endmaterialization %}
