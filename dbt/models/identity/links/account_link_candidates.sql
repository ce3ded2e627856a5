-- grain: one piece of evidence (a rule) that two account records are the same
with company_links as (

    select * from {{ ref('company_link_candidates') }}

),

claims as (

    select * from {{ ref('account_claims') }}

),

verdicts as (

    select * from {{ ref('account_verdicts') }}

),

customers as (

    select
        nodes.*,
        verdicts.family_id,
        verdicts.standing
    from {{ ref('identity_nodes') }} as nodes
    inner join {{ ref('account_families') }} as families on nodes.node_id = families.node_id
    inner join verdicts on families.component_id = verdicts.holder_id
    where nodes.source_type = 'customer'

),

customer_keys as (

    select
        customers.node_id,
        case keys.kind when 'email' then 'billing_mailbox' else 'customer_domain' end as rule,
        cast(case keys.kind when 'email' then 0.9 else 0.8 end as decimal(3, 2)) as confidence,
        keys.value,
        keys.first_seen_at,
        customers.family_id,
        customers.standing,
        customers.first_extracted_at,
        customers.created_at
    from {{ ref('identity_keys') }} as keys
    inner join customers on keys.node_id = customers.node_id
    where keys.kind = 'email' or keys.weakness is null

),

key_groups as (

    select
        rule,
        value,
        count(*) as customers,
        count(distinct family_id) as families,
        count(case when standing = 'contested' then 1 end) as contested
    from customer_keys
    group by rule, value
    having count(*) > 1

),

customer_links as (

    select
        customer_keys.node_id,
        first_value(customer_keys.node_id) over (
            partition by customer_keys.rule, customer_keys.value
            order by customer_keys.first_extracted_at, customer_keys.created_at nulls last, customer_keys.node_id
        ) as neighbour_id,
        customer_keys.rule,
        customer_keys.confidence,
        customer_keys.value as evidence,
        customer_keys.first_seen_at,
        case
            when key_groups.families > 1 or key_groups.contested > 0 then 'different_companies'
            when key_groups.customers > {{ var('identity_domain_limit') }} then 'crowded_domain'
        end as rejected_reason
    from customer_keys
    inner join key_groups on customer_keys.rule = key_groups.rule and customer_keys.value = key_groups.value

),

-- a family of which nothing is known follows its customers, when they all belong to one family
adopted as (

    select
        claims.family_id,
        min(verdicts.family_id) as adopting_family_id
    from claims
    inner join verdicts on claims.holder_id = verdicts.holder_id
    where not claims.is_distinct
    group by claims.family_id
    having count(distinct coalesce(verdicts.family_id, '')) = 1

),

judged_claims as (

    select
        claims.customer_node_id as node_id,
        claims.company_node_id as neighbour_id,
        claims.rule,
        claims.confidence,
        claims.evidence,
        claims.first_seen_at,
        case
            when claims.is_named_elsewhere then 'named_elsewhere'
            when verdicts.family_id is null then 'different_companies'
            when verdicts.family_id not in (claims.family_id, coalesce(adopted.adopting_family_id, ''))
                then 'better_claim_elsewhere'
        end as rejected_reason
    from claims
    inner join verdicts on claims.holder_id = verdicts.holder_id
    left join adopted on claims.family_id = adopted.family_id

),

judged as (

    select * from judged_claims

    union all

    select
        customer_links.node_id,
        customer_links.neighbour_id,
        customer_links.rule,
        customer_links.confidence,
        customer_links.evidence,
        greatest(customer_links.first_seen_at, neighbours.first_extracted_at) as first_seen_at,
        customer_links.rejected_reason
    from customer_links
    inner join customers on customer_links.node_id = customers.node_id
    inner join customers as neighbours on customer_links.neighbour_id = neighbours.node_id
    where customer_links.node_id <> customer_links.neighbour_id

)

select * from company_links

union all

select
    least(node_id, neighbour_id) as node_id,
    greatest(node_id, neighbour_id) as neighbour_id,
    rule,
    confidence,
    evidence,
    first_seen_at,
    rejected_reason
from judged
