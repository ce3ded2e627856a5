-- grain: one group of billing customers (those that an override holds together), with the company family it belongs to
with nodes as (

    select
        nodes.*,
        families.component_id as family_id
    from {{ ref('identity_nodes') }} as nodes
    inner join {{ ref('account_families') }} as families on nodes.node_id = families.node_id

),

claims as (

    select * from {{ ref('account_claims') }}
    where not is_named_elsewhere

),

doubted as (

    select distinct holder_id from {{ ref('account_claims') }}
    where is_named_elsewhere

),

holders as (

    select
        family_id as holder_id,
        -- an override that ties a customer to a company has decided already
        max(case when source_type = 'company' then 1 else 0 end) = 1 as is_decided
    from nodes
    group by family_id
    having max(case when source_type = 'customer' then 1 else 0 end) = 1

),

strongest as (

    select
        holder_id,
        min(tier) as tier
    from claims
    group by holder_id

),

-- a claim to a company of which nothing is known (no domain, no relatives) never outweighs one to a known company
weighed as (

    select
        claims.holder_id,
        claims.family_id,
        claims.is_distinct,
        claims.first_seen_at,
        max(case when claims.is_distinct then 1 else 0 end) over (partition by claims.holder_id) = 1 as has_distinct
    from claims
    inner join strongest on claims.holder_id = strongest.holder_id and claims.tier = strongest.tier

),

dated as (

    select
        weighed.*,
        min(first_seen_at) over (partition by holder_id) as earliest_seen_at
    from weighed
    where is_distinct = has_distinct

),

-- of equally strong claims the one that was there first stays; a later one that contradicts it goes to review
contenders as (

    select
        holder_id,
        min(family_id) as family_id,
        count(distinct family_id) as families
    from dated
    where first_seen_at = earliest_seen_at
    group by holder_id

)

select
    holders.holder_id,
    case
        when holders.is_decided then holders.holder_id
        when contenders.families = 1 then contenders.family_id
    end as family_id,
    case
        when holders.is_decided or contenders.families = 1 then 'placed'
        when contenders.families > 1 or doubted.holder_id is not null then 'contested'
        else 'free'
    end as standing
from holders
left join contenders on holders.holder_id = contenders.holder_id
left join doubted on holders.holder_id = doubted.holder_id
