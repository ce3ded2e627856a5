-- grain: one pair of records that only a name or a mailbox's tag brings together; it joins nothing by itself
{{ config(meta=carried(
    by=['entity', 'rule', 'evidence'], keyed={'identity_traits': ['entity', 'rule', 'trait']}
)) }}

with traits as (

    select * from {{ ref('identity_traits') }}

),

-- one record of each person or account stands for it
holders as (

    select
        entity,
        rule,
        trait,
        confidence,
        entity_id,
        min(node_id) as node_id
    from traits
    group by entity, rule, trait, confidence, entity_id

),

-- a name that many carry says nothing
telling as (

    select
        entity,
        rule,
        trait,
        min(node_id) as first_node_id
    from holders
    group by entity, rule, trait
    having count(*) between 2 and 5

)

select distinct
    holders.entity,
    telling.first_node_id as node_id,
    holders.node_id as neighbour_id,
    holders.rule,
    holders.confidence,
    holders.trait as evidence,
    concat_ws('', 'same_', holders.rule) as reason
from holders
inner join telling
    on
        holders.entity = telling.entity
        and holders.rule = telling.rule
        and holders.trait = telling.trait
where holders.node_id <> telling.first_node_id
