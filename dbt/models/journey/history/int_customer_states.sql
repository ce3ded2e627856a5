-- grain: one billing customer and instant from which it is described as it is here
{{ config(schema='staging', meta=carried(
    by='customer_id',
    keyed=['stg_stripe__customer_versions', 'stg_stripe__customers'],
    due={'this': 'changed_at >= :since'}
)) }}

with versions as (

    select
        *,
        least(coalesce(modified_at, created_at, extracted_at), {{ as_of() }}) as changed_at,
        row_number() over (
            partition by customer_id order by {{ version_order('told') }}
        ) as version_number
    from {{ ref('stg_stripe__customer_versions') }} as told

),

-- a mailbox at a shared domain does not say whose it is
shared_domains as (

    select domain from {{ ref('free_mail_domains') }}
    union
    select value as domain from {{ ref('identity_keys') }}
    where kind = 'domain' and weakness is not null

),

bounds as (

    select
        customer_id,
        max_by(created_at, version_number) as created_at,
        min(changed_at) as observed_from,
        least(coalesce(min(created_at), min(changed_at)), min(changed_at)) as begins_at
    from versions
    group by customer_id

),

-- before the first version the record is taken to have been as it then was; one that was only ever billed to never changed
points as (

    select
        versions.customer_id,
        bounds.begins_at as changed_at,
        0 as point_number,
        versions.name,
        versions.email,
        versions.country,
        false as is_deleted,
        bounds.created_at,
        bounds.observed_from
    from versions
    inner join bounds on versions.customer_id = bounds.customer_id
    where versions.version_number = 1

    union all

    select
        versions.customer_id,
        versions.changed_at,
        versions.version_number as point_number,
        versions.name,
        versions.email,
        versions.country,
        versions.is_deleted,
        bounds.created_at,
        bounds.observed_from
    from versions
    inner join bounds on versions.customer_id = bounds.customer_id

    union all

    select
        customers.customer_id,
        least(coalesce(customers.created_at, customers.first_extracted_at), {{ as_of() }}) as changed_at,
        0 as point_number,
        customers.name,
        customers.email,
        customers.country,
        customers.is_deleted,
        customers.created_at,
        cast(null as timestamp) as observed_from
    from {{ ref('stg_stripe__customers') }} as customers
    left join bounds on customers.customer_id = bounds.customer_id
    where bounds.customer_id is null

),

settled as (

    select
        points.customer_id,
        points.changed_at,
        points.created_at,
        points.observed_from,
        points.name,
        points.email,
        {{ country_code('country_names', 'points.country') }} as country,
        points.is_deleted,
        case when shared_domains.domain is null then {{ email_domain(normalised_email('points.email')) }} end as domain,
        lead(points.changed_at) over (partition by points.customer_id order by points.changed_at, points.point_number)
            as next_changed_at
    from points
    left join {{ ref('country_names') }} as country_names on {{ country_name('points.country') }} = country_names.name
    left join shared_domains on {{ email_domain(normalised_email('points.email')) }} = shared_domains.domain

),

described as (

    select
        *,
        {{ key(['name', 'email', 'domain', 'country', 'is_deleted']) }} as description
    from settled
    where next_changed_at is null or next_changed_at > changed_at

),

compared as (

    select
        *,
        lag(description) over (partition by customer_id order by changed_at) as previous_description
    from described

)

select
    customer_id,
    changed_at,
    created_at,
    observed_from,
    name,
    email,
    domain,
    country,
    is_deleted
from compared
where previous_description is null or previous_description <> description
