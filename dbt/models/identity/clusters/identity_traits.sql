-- grain: one record and trait that others may share, of the person or account that the record belongs to
{{ config(meta=carried(
    by='node_id',
    keyed=['identity_nodes', 'person_clusters', 'account_clusters'],
    lookups={'person_accounts': {'on': 'person_id', 'through': {'person_clusters': 'person_id'}}}
)) }}

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

)

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
