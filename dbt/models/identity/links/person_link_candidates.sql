-- grain: one piece of evidence (a rule) that two records are the same person
with nodes as (

    select * from {{ ref('identity_nodes') }}
    where is_person_record

),

email_keys as (

    select
        keys.node_id,
        keys.value as email,
        keys.weakness
    from {{ ref('identity_keys') }} as keys
    inner join nodes on keys.node_id = nodes.node_id
    where keys.kind = 'email'

),

contact_merges as (

    select * from {{ ref('stg_hubspot__contact_merges') }}

),

encharge_people as (

    select * from {{ ref('stg_encharge__people') }}

),

overrides as (

    select * from {{ ref('identity_overrides') }}
    where entity = 'person' and is_known

),

merges as (

    select
        {{ node_id('hubspot', 'contact', 'winner_id') }} as node_id,
        {{ node_id('hubspot', 'contact', 'loser_id') }} as neighbour_id
    from contact_merges

),

crm_references as (

    select
        {{ node_id('encharge', 'person', 'person_id') }} as node_id,
        {{ node_id('hubspot', 'contact', 'hubspot_contact_id') }} as neighbour_id
    from encharge_people
    where hubspot_contact_id is not null

),

billing_references as (

    select
        {{ node_id('encharge', 'person', 'person_id') }} as node_id,
        {{ node_id('stripe', 'customer', 'stripe_customer_id') }} as neighbour_id
    from encharge_people
    where stripe_customer_id is not null

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
        email_keys.weakness,
        first_value(nodes.node_id) over (
            partition by email_keys.email
            order by nodes.first_extracted_at, nodes.created_at nulls last, nodes.node_id
        ) as oldest_node_id
    from email_keys
    inner join shared_emails on email_keys.email = shared_emails.email
    inner join nodes on email_keys.node_id = nodes.node_id

),

evidence as (

    select
        left_node_id as node_id,
        right_node_id as neighbour_id,
        'override' as rule,
        cast(1 as decimal(3, 2)) as confidence,
        cast(null as string) as weakness
    from overrides
    where action = 'join'

    union all

    select node_id, neighbour_id, 'merge', cast(1 as decimal(3, 2)), cast(null as string) from merges

    union all

    select node_id, neighbour_id, 'crm_reference', cast(0.98 as decimal(3, 2)), cast(null as string) from crm_references

    union all

    select node_id, neighbour_id, 'billing_reference', cast(0.9 as decimal(3, 2)), cast(null as string)
    from billing_references

    union all

    select oldest_node_id, node_id, 'email', cast(0.95 as decimal(3, 2)), weakness from email_holders

),

judged as (

    select
        least(evidence.node_id, evidence.neighbour_id) as node_id,
        greatest(evidence.node_id, evidence.neighbour_id) as neighbour_id,
        evidence.rule,
        evidence.confidence,
        greatest(nodes.first_extracted_at, neighbours.first_extracted_at) as first_seen_at,
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

-- two records may share several mailboxes or domains: one that stands is enough
select
    node_id,
    neighbour_id,
    rule,
    confidence,
    first_seen_at,
    case when count(*) = count(rejected_reason) then min(rejected_reason) end as rejected_reason
from judged
group by node_id, neighbour_id, rule, confidence, first_seen_at
