-- grain: one pair of records that only a name or a mailbox's tag brings together; it joins nothing by itself
with nodes as (

    select * from {{ ref('identity_nodes') }}
    where not is_deleted

),

people as (

    select * from {{ ref('person_clusters') }}

),

person_accounts as (

    select * from {{ ref('person_accounts') }}

),

accounts as (

    select * from {{ ref('account_clusters') }}

),

free_mail_domains as (

    select * from {{ ref('free_mail_domains') }}

),

traits as (

    -- people of one name at one mail domain, as a mistyped address makes them
    select
        'person' as entity,
        'name_and_domain' as rule,
        people.person_id as entity_id,
        nodes.node_id,
        concat_ws('', lower(nodes.name), '|', {{ email_domain('nodes.email') }}) as trait,
        cast(0.6 as decimal(3, 2)) as confidence
    from nodes
    inner join people on nodes.node_id = people.node_id
    left join free_mail_domains on {{ email_domain('nodes.email') }} = free_mail_domains.domain
    where
        nodes.source_type <> 'customer'
        and nodes.name like '% %'
        and nodes.email is not null
        and free_mail_domains.domain is null

    union all

    -- people of one name at one account, as a private address beside the one at work makes them
    select
        'person' as entity,
        'name_and_account' as rule,
        people.person_id as entity_id,
        nodes.node_id,
        concat_ws('', lower(nodes.name), '|', person_accounts.account_id) as trait,
        cast(0.6 as decimal(3, 2)) as confidence
    from nodes
    inner join people on nodes.node_id = people.node_id
    inner join person_accounts on people.person_id = person_accounts.person_id
    where nodes.source_type <> 'customer' and nodes.name like '% %'

    union all

    select
        'person' as entity,
        'plus_tag' as rule,
        people.person_id as entity_id,
        nodes.node_id,
        concat_ws('', {{ email_local_part('nodes.email') }}, '@', {{ email_domain('nodes.email') }}) as trait,
        cast(0.7 as decimal(3, 2)) as confidence
    from nodes
    inner join people on nodes.node_id = people.node_id
    where nodes.email is not null and not nodes.is_role_mailbox

    union all

    select
        'account' as entity,
        'name_and_country' as rule,
        accounts.account_id as entity_id,
        nodes.node_id,
        concat_ws('', {{ normalised_name('nodes.name') }}, '|', coalesce(upper(nodes.country), '')) as trait,
        cast(0.5 as decimal(3, 2)) as confidence
    from nodes
    inner join accounts on nodes.node_id = accounts.node_id
    where {{ normalised_name('nodes.name') }} is not null

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
