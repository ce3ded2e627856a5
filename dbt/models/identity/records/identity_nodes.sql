-- grain: one record of a source system that stands for a person, an account, or both; deleted and merged-away ones too
{{ config(meta=carried(
    by='node_id',
    keyed={
        'stg_hubspot__contacts': node_id('hubspot', 'contact', 'contact_id'),
        'stg_hubspot__companies': node_id('hubspot', 'company', 'company_id'),
        'stg_encharge__people': node_id('encharge', 'person', 'person_id'),
        'stg_stripe__customers': node_id('stripe', 'customer', 'customer_id'),
        'identity_references': 'target_node_id',
    }
)) }}

with contacts as (

    select * from {{ ref('stg_hubspot__contacts') }}

),

companies as (

    select * from {{ ref('stg_hubspot__companies') }}

),

merged as (

    select * from {{ ref('identity_references') }}
    where kind = 'merge'

),

encharge_people as (

    select * from {{ ref('stg_encharge__people') }}

),

customers as (

    select * from {{ ref('stg_stripe__customers') }}

),

role_mailboxes as (

    select * from {{ ref('role_mailboxes') }}

),

-- systems write a country as a code or by its name; text that names none stays as it is
country_names as (

    select
        name,
        country
    from {{ ref('country_names') }}

),

-- a record that was merged away before the first extraction is known by its id only
lost as (

    select
        merged.target_node_id as node_id,
        min(merged.first_seen_at) as first_extracted_at
    from merged
    left join contacts on merged.target_node_id = {{ node_id('hubspot', 'contact', 'contacts.contact_id') }}
    left join companies on merged.target_node_id = {{ node_id('hubspot', 'company', 'companies.company_id') }}
    where contacts.contact_id is null and companies.company_id is null
    group by merged.target_node_id

),

records as (

    select
        'hubspot' as source_system,
        'contact' as source_type,
        contact_id as source_id,
        {{ normalised_email('email') }} as email,
        nullif(trim(concat_ws('', coalesce(first_name, ''), ' ', coalesce(last_name, ''))), '') as name,
        country as country_text,
        created_at,
        first_extracted_at,
        is_deleted
    from contacts

    union all

    select
        'hubspot',
        case when node_id like 'hubspot:contact:%' then 'contact' else 'company' end,
        substring(node_id, length('hubspot:contact:') + 1),
        cast(null as string), cast(null as string), cast(null as string),
        cast(null as timestamp), first_extracted_at, true
    from lost

    union all

    select
        'hubspot', 'company', company_id, cast(null as string), name, country,
        created_at, first_extracted_at, is_deleted
    from companies

    union all

    select
        'encharge', 'person', person_id, {{ normalised_email('email') }},
        nullif(trim(concat_ws('', coalesce(first_name, ''), ' ', coalesce(last_name, ''))), ''), country,
        created_at, first_extracted_at, is_deleted
    from encharge_people

    union all

    select
        'stripe', 'customer', customer_id, {{ normalised_email('email') }}, name, country,
        created_at, first_extracted_at, is_deleted
    from customers

),

flagged as (

    select
        records.*,
        {{ country_code('country_names', 'records.country_text') }} as country,
        role_mailboxes.local_part is not null as is_role_mailbox
    from records
    left join country_names on {{ country_name('records.country_text') }} = country_names.name
    left join role_mailboxes on {{ mailbox_name('records.email') }} = role_mailboxes.local_part

)

select
    concat_ws('', source_system, ':', source_type, ':', source_id) as node_id,
    source_system,
    source_type,
    source_id,
    email,
    name,
    country,
    is_role_mailbox,
    -- a billing customer is a person when its mailbox is one person's
    source_type in ('contact', 'person') or (source_type = 'customer' and email is not null and not is_role_mailbox)
        as is_person_record,
    source_type in ('company', 'customer') as is_account_record,
    created_at,
    first_extracted_at,
    is_deleted
from flagged
