-- grain: one person, and the unknown one
{{ config(meta=carried(
    by='person_key',
    keyed=['person_sources'],
    lookups={
        'identity_nodes': {'on': 'source_id', 'through': {'person_sources': 'source_id'}},
        'stg_hubspot__contacts': {'on': 'contact_id', 'through': {'person_sources': 'source_id'}},
        'stg_hubspot__contact_merges': {'on': 'loser_id', 'through': {'person_sources': 'source_id'}},
    }
)) }}

with people as (

    select * from {{ ref('person_sources') }}

),

nodes as (

    select * from {{ ref('identity_nodes') }}

),

contacts as (

    select * from {{ ref('stg_hubspot__contacts') }}

),

contact_merges as (

    select distinct loser_id from {{ ref('stg_hubspot__contact_merges') }}

),

members as (

    select
        people.person_id,
        people.person_key,
        people.account_key,
        nodes.node_id,
        nodes.source_type,
        nodes.email,
        nodes.name,
        contacts.job_title,
        nodes.country,
        nodes.created_at,
        nodes.first_extracted_at,
        nodes.is_deleted,
        contact_merges.loser_id is not null as is_merged_away
    from people
    inner join nodes
        on
            people.source_system = nodes.source_system
            and people.source_type = nodes.source_type
            and people.source_id = nodes.source_id
    left join contacts on nodes.source_type = 'contact' and nodes.source_id = contacts.contact_id
    left join contact_merges on nodes.source_type = 'contact' and nodes.source_id = contact_merges.loser_id

),

-- the CRM speaks first, then email marketing, then billing; living records before deleted and merged-away ones
ranked as (

    select
        members.*,
        row_number() over (
            partition by person_id
            order by
                is_deleted,
                is_merged_away,
                case source_type when 'contact' then 1 when 'person' then 2 else 3 end,
                created_at nulls last,
                node_id
        ) as choice
    from members

),

described as (

    select
        person_id,
        person_key,
        account_key,
        min_by(email, case when email is not null then choice end) as email,
        -- a billing customer's name is often its company's
        min_by(name, case when name is not null and source_type <> 'customer' then choice end) as full_name,
        min_by(job_title, case when job_title is not null then choice end) as job_title,
        min_by(country, case when country is not null then choice end) as country,
        coalesce(min(created_at), min(first_extracted_at)) as first_seen_at,
        min(case when source_type in ('contact', 'person') then created_at end) as lead_created_at,
        min(case when is_deleted then 1 else 0 end) = 1 as is_deleted
    from ranked
    group by person_id, person_key, account_key

)

select
    person_key,
    person_id,
    account_key,
    email,
    full_name,
    job_title,
    country,
    first_seen_at,
    lead_created_at,
    is_deleted
from described

union all

select
    'unknown' as person_key,
    'unknown' as person_id,
    'unknown' as account_key,
    cast(null as string) as email,
    'unknown' as full_name,
    cast(null as string) as job_title,
    cast(null as string) as country,
    cast(null as timestamp) as first_seen_at,
    cast(null as timestamp) as lead_created_at,
    false as is_deleted
