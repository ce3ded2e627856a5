-- grain: one merge that the CRM lists, winner and loser, with whether it closes a cycle
{%- set longest_cycle = 6 %}
with merged as (

    select
        node_id as winner_node_id,
        target_node_id as loser_node_id,
        first_seen_at
    from {{ ref('identity_references') }}
    where kind = 'merge' and node_id <> target_node_id

),

losers as (

    select distinct loser_node_id from merged

),

-- one winner of each loser: one that was not merged away itself, if there is any
parents as (

    select
        merged.loser_node_id as node_id,
        coalesce(
            min(case when losers.loser_node_id is null then merged.winner_node_id end),
            min(merged.winner_node_id)
        ) as parent_id
    from merged
    left join losers on merged.winner_node_id = losers.loser_node_id
    group by merged.loser_node_id

),

{% for step in range(longest_cycle) -%}
walk_{{ step + 1 }} as (

    {% if step == 0 -%}
    select
        node_id,
        parent_id as reached_id,
        least(node_id, parent_id) as smallest_id
    from parents
    {%- else -%}
    select
        walk.node_id,
        parents.parent_id as reached_id,
        least(walk.smallest_id, parents.parent_id) as smallest_id
    from walk_{{ step }} as walk
    inner join parents on walk.reached_id = parents.node_id
    where walk.node_id <> walk.reached_id
    {%- endif %}

),

{% endfor -%}
-- who comes back to itself going from loser to winner is in a cycle: its smallest record counts as the survivor
survivors as (

    {% for step in range(1, longest_cycle) -%}
    select smallest_id as node_id from walk_{{ step + 1 }}
    where node_id = reached_id
    {%- if not loop.last %}
    union
    {% endif %}
    {%- endfor %}

)

select
    merged.winner_node_id,
    merged.loser_node_id,
    merged.first_seen_at,
    survivors.node_id is not null as is_cycle
from merged
left join survivors on merged.loser_node_id = survivors.node_id
