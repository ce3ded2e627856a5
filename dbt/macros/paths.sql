{#- The shortest way from the root of each cluster to each of its nodes. The model's query gives
    (node_id, neighbour_id, link_id, confidence, first_seen_at): every link from either side, and each root once with the
    rest NULL. The table it becomes is (node_id, root_id, step, from_id, to_id, link_id): for every node one row a link, step 1
    beginning at the root, and a row of step 0 without a link. Of equally short ways the one with the more trusted, then the
    older last link.

    As with `components`, what came in stays beside the table, and only clusters with a difference are walked again. -#}
{% materialization paths, default %}

    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = none if should_full_refresh() else load_cached_relation(this) -%}
    {%- set edges = scratch('__edges') -%}
    {%- set news = scratch('__news') -%}
    {%- set open = scratch('__open') -%}
    {%- set frontier = scratch('__frontier') -%}
    {%- set walked = scratch('__walked') -%}
    {%- set merged = scratch('__merged') -%}
    {%- set columns = 'node_id, neighbour_id, link_id, confidence, first_seen_at' -%}
    {%- set before_edges = load_relation(edges) if existing is not none else none -%}

    {{ run_hooks(pre_hooks) }}

    {%- for relation in [news, open, frontier, walked, merged] -%}
        {% do adapter.drop_relation(relation) %}
    {%- endfor -%}

    {% call statement('news') -%}
        create table {{ news }} {{ table_format() }} as
        select {{ columns }} from (
            {{ sql }}
        ) as given
    {%- endcall %}

    {% call statement('open') -%}
        create table {{ open }} {{ table_format() }} as
        {%- if before_edges is none %}
        select {{ columns }} from {{ news }}
        {%- else %}
        with changed as (
            {{ difference(news, before_edges, columns) }}
        ),
        known as (
            select node_id, root_id from {{ existing }} where step = 0
        ),
        touched as (
            select distinct known.root_id
            from changed
            inner join known on changed.node_id = known.node_id
        )
        select news.node_id, news.neighbour_id, news.link_id, news.confidence, news.first_seen_at
        from {{ news }} as news
        left join known on news.node_id = known.node_id
        left join touched on known.root_id = touched.root_id
        where known.node_id is null or touched.root_id is not null
        {%- endif %}
    {%- endcall %}

    {% call statement('walked') -%}
        create table {{ walked }} {{ table_format() }} as
        select
            node_id, node_id as root_id, cast(0 as integer) as step, node_id as from_id, node_id as to_id, link_id
        from {{ open }}
        where neighbour_id is null
    {%- endcall %}

    {%- set state = namespace(found=1) -%}
    {#- as many rounds as the longest way has links; a chain of merges that the CRM lists one by one is the longest -#}
    {%- for round in range(1000) -%}
        {%- if state.found > 0 -%}
            {% do adapter.drop_relation(frontier) %}
            {% call statement('frontier') -%}
                create table {{ frontier }} {{ table_format() }} as
                with reached as (
                    select node_id, max(step) as depth from {{ walked }} group by node_id
                ),
                steps as (
                    select
                        edges.neighbour_id as node_id,
                        edges.node_id as parent_id,
                        edges.link_id,
                        row_number() over (
                            partition by edges.neighbour_id
                            order by edges.confidence desc, edges.first_seen_at, edges.link_id, edges.node_id
                        ) as choice
                    from {{ open }} as edges
                    inner join reached as here on edges.node_id = here.node_id
                    left join reached as there on edges.neighbour_id = there.node_id
                    where
                        here.depth = {{ round }}
                        and edges.neighbour_id is not null
                        and there.node_id is null
                )
                select node_id, parent_id, link_id from steps where choice = 1
            {%- endcall %}
            {%- set state.found = run_query("select count(*) as found from " ~ frontier).columns[0].values()[0] | int -%}
            {%- if state.found > 0 -%}
                {% call statement('step') -%}
                    insert into {{ walked }}
                    select frontier.node_id, walked.root_id, walked.step, walked.from_id, walked.to_id, walked.link_id
                    from {{ frontier }} as frontier
                    inner join {{ walked }} as walked on frontier.parent_id = walked.node_id
                    union all
                    select
                        frontier.node_id, walked.root_id, cast({{ round + 1 }} as integer), frontier.parent_id,
                        frontier.node_id, frontier.link_id
                    from {{ frontier }} as frontier
                    inner join {{ walked }} as walked on frontier.parent_id = walked.node_id and walked.step = 0
                {%- endcall %}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if state.found > 0 -%}
        {% do exceptions.raise_compiler_error(this.identifier ~ ": a way has more than 1,000 links") %}
    {%- endif -%}

    {#- never an insert into `walked`, which may be empty: what DuckDB 2.0 inserts into an empty table of the same transaction
        (a whole row group of 122,880 rows and more) is not there for the statements that write from it -#}
    {%- set whole = walked -%}
    {%- if before_edges is not none -%}
        {%- set whole = merged -%}
        {% call statement('merged') -%}
            create table {{ merged }} {{ table_format() }} as
            select node_id, root_id, step, from_id, to_id, link_id from {{ walked }}
            union all
            select known.node_id, known.root_id, known.step, known.from_id, known.to_id, known.link_id
            from {{ existing }} as known
            inner join (select distinct node_id from {{ news }}) as news on known.node_id = news.node_id
            left join (select distinct node_id from {{ open }}) as again on known.node_id = again.node_id
            where again.node_id is null
        {%- endcall %}
    {%- endif -%}

    {{ replace_with(load_cached_relation(this), target_relation, 'select * from ' ~ whole) }}
    {{ replace_with(edges, edges, 'select * from ' ~ news) }}

    {%- for relation in [news, open, frontier, walked, merged] -%}
        {% do adapter.drop_relation(relation) %}
    {%- endfor -%}

    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [target_relation]}) }}

{% endmaterialization %}
