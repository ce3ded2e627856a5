{#- One row per pair of records and rule, as a derived table: two records may share several mailboxes or domains, and one
    that stands is enough. What stands gives evidence and first instant; where nothing does, the reason is the first by name. -#}
{% macro strongest_evidence(judged) -%}
(
    select
        node_id,
        neighbour_id,
        rule,
        max(confidence) as confidence,
        coalesce(min(case when rejected_reason is null then evidence end), min(evidence)) as evidence,
        coalesce(min(case when rejected_reason is null then first_seen_at end), min(first_seen_at)) as first_seen_at,
        case when count(*) = count(rejected_reason) then min(rejected_reason) end as rejected_reason
    from {{ judged }}
    group by node_id, neighbour_id, rule
)
{%- endmacro %}
