-- grain: one piece of evidence (a rule) that two records are the same person
with nodes as (

    select * from {{ ref('identity_nodes') }}
    where is_person_record

),

email_keys as (

    select
        keys.node_id,
        keys.value as email,
        keys.weakness,
        keys.first_seen_at
    from {{ ref('identity_keys') }} as keys
    inner join nodes on keys.node_id = nodes.node_id
    where keys.kind = 'email'

),

merged as (

    select * from {{ ref('identity_merges') }}

),

named as (

    select
        named.node_id,
        named.kind as rule,
        named.target_node_id,
        named.first_seen_at,
        nodes.email
    from {{ ref('identity_references') }} as named
    inner join nodes on named.node_id = nodes.node_id
    where named.kind in ('crm_reference', 'billing_reference')

),

overrides as (

    select * from {{ ref('identity_overrides') }}
    where entity = 'person' and is_known

),

shared_emails as (

    select email
    from email_keys
    group by email
    having count(*) > 1

),

email_holders as (

    select
        email_keys.node_id,
        email_keys.email,
        email_keys.weakness,
        email_keys.first_seen_at,
        first_value(nodes.node_id) over (
            partition by email_keys.email
            order by nodes.first_extracted_at, nodes.created_at nulls last, nodes.node_id
        ) as oldest_node_id
    from email_keys
    inner join shared_emails on email_keys.email = shared_emails.email
    inner join nodes on email_keys.node_id = nodes.node_id

),

-- an integration gone wrong writes one id on many people
crowded_references as (

    select
        rule,
        target_node_id
    from named
    group by rule, target_node_id
    having count(distinct coalesce(email, node_id)) > {{ var('identity_reference_limit') }}

),

-- those who refer to a record that nobody has any more are the same by that reference
reference_holders as (

    select
        named.node_id,
        named.rule,
        case
            when targets.node_id is not null then named.target_node_id
            when named.rule = 'crm_reference'
                then min(named.node_id) over (partition by named.rule, named.target_node_id)
        end as neighbour_id,
        named.target_node_id,
        named.first_seen_at,
        case when crowded.target_node_id is not null then 'crowded_reference' end as weakness
    from named
    left join nodes as targets on named.target_node_id = targets.node_id
    left join crowded_references as crowded
        on named.rule = crowded.rule and named.target_node_id = crowded.target_node_id

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

    select
        node_id, neighbour_id, rule,
        cast(case rule when 'crm_reference' then 0.98 else 0.9 end as decimal(3, 2)),
        concat_ws('', node_id, ' names ', target_node_id),
        first_seen_at, weakness
    from reference_holders

    union all

    select oldest_node_id, node_id, 'email', cast(0.95 as decimal(3, 2)), email, first_seen_at, weakness
    from email_holders

),

judged as (

    select
        least(evidence.node_id, evidence.neighbour_id) as node_id,
        greatest(evidence.node_id, evidence.neighbour_id) as neighbour_id,
        evidence.rule,
        evidence.confidence,
        evidence.evidence,
        greatest(evidence.first_seen_at, nodes.first_extracted_at, neighbours.first_extracted_at) as first_seen_at,
        case
            when evidence.weakness is not null then evidence.weakness
            -- a customer record often carries a colleague's mailbox: then it tells the account, not the person
            when evidence.rule = 'billing_reference' and nodes.email <> neighbours.email then 'different_mailboxes'
        end as rejected_reason
    from evidence
    inner join nodes on evidence.node_id = nodes.node_id
    inner join nodes as neighbours on evidence.neighbour_id = neighbours.node_id
    where evidence.node_id <> evidence.neighbour_id

)

select * from {{ strongest_evidence('judged') }} as strongest
