-- grain: one piece of evidence (a rule) that two account records are the same, apart from billing's
with nodes as (

    select * from {{ ref('identity_nodes') }}
    where is_account_record

),

domain_keys as (

    select
        keys.node_id,
        keys.value as domain,
        keys.weakness,
        keys.first_seen_at
    from {{ ref('identity_keys') }} as keys
    inner join nodes on keys.node_id = nodes.node_id
    where keys.kind = 'domain' and nodes.source_type = 'company'

),

merged as (

    select * from {{ ref('identity_merges') }}

),

overrides as (

    select * from {{ ref('identity_overrides') }}
    where entity = 'account' and is_known

),

shared_domains as (

    select domain
    from domain_keys
    where weakness is null or weakness in ('crowded_domain', 'parent_and_subsidiary')
    group by domain
    having count(*) > 1

),

domain_holders as (

    select
        domain_keys.node_id,
        domain_keys.domain,
        domain_keys.weakness,
        domain_keys.first_seen_at,
        first_value(nodes.node_id) over (
            partition by domain_keys.domain
            order by nodes.first_extracted_at, nodes.created_at nulls last, nodes.node_id
        ) as oldest_node_id
    from domain_keys
    inner join shared_domains on domain_keys.domain = shared_domains.domain
    inner join nodes on domain_keys.node_id = nodes.node_id

),

evidence as (

    select
        left_node_id as node_id,
        right_node_id as neighbour_id,
        'override' as rule,
        cast(1 as decimal(3, 2)) as confidence,
        coalesce(reason, 'by hand') as evidence,
        first_extracted_at as first_seen_at,
        cast(null as string) as weakness
    from overrides
    where action = 'join'

    union all

    select
        winner_node_id, loser_node_id, 'merge', cast(1 as decimal(3, 2)),
        concat_ws('', loser_node_id, ' merged into ', winner_node_id),
        first_seen_at, case when is_cycle then 'merge_cycle' end
    from merged

    union all

    select oldest_node_id, node_id, 'company_domain', cast(0.9 as decimal(3, 2)), domain, first_seen_at, weakness
    from domain_holders

),

judged as (

    select
        least(evidence.node_id, evidence.neighbour_id) as node_id,
        greatest(evidence.node_id, evidence.neighbour_id) as neighbour_id,
        evidence.rule,
        evidence.confidence,
        evidence.evidence,
        greatest(evidence.first_seen_at, nodes.first_extracted_at, neighbours.first_extracted_at) as first_seen_at,
        evidence.weakness as rejected_reason
    from evidence
    inner join nodes on evidence.node_id = nodes.node_id
    inner join nodes as neighbours on evidence.neighbour_id = neighbours.node_id
    where evidence.node_id <> evidence.neighbour_id

)

select * from {{ strongest_evidence('judged') }} as strongest
