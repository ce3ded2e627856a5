-- grain: one CRM company and instant at which it was described anew; what was not told there is NULL
-- A version tells everything. The property history tells owner and lifecycle stage, also of the time before we watched.
{{ config(schema='staging', meta=carried(
    by='company_id',
    keyed={'stg_hubspot__company_versions': 'company_id', 'stg_hubspot__property_history': 'object_id'},
    due={'stg_hubspot__company_versions': 'modified_at > :since'}
)) }}

with versions as (

    select
        *,
        least(coalesce(modified_at, created_at, extracted_at), {{ as_of() }}) as changed_at,
        row_number() over (
            partition by company_id order by {{ version_order('told') }}
        ) as version_number
    from {{ ref('stg_hubspot__company_versions') }} as told

),

bounds as (

    select
        company_id,
        max_by(created_at, version_number) as created_at,
        min(changed_at) as observed_from,
        least(coalesce(min(created_at), min(changed_at)), min(changed_at)) as begins_at,
        max_by(changed_at, version_number) as last_changed_at
    from versions
    group by company_id

),

history as (

    select
        object_id as company_id,
        property_change_id,
        changed_at,
        case when property = 'hubspot_owner_id' then coalesce(value, '') end as owner_id,
        case when property = 'lifecyclestage' then coalesce(lower(value), '') end as lifecycle_stage
    from {{ ref('stg_hubspot__property_history') }}
    where object_type = 'companies' and property in ('hubspot_owner_id', 'lifecyclestage') and not is_deleted

),

histories as (

    select
        company_id,
        count(owner_id) > 0 as has_owners,
        count(lifecycle_stage) > 0 as has_stages
    from history
    group by company_id

),

-- before the first version the record is taken to have been as it then was; a property with a history was empty before it
points as (

    select
        versions.company_id,
        bounds.begins_at as changed_at,
        1 as point_kind,
        cast(null as timestamp) as told_at,
        'first' as point_id,
        1 as version_number,
        case when histories.has_owners then '' else coalesce(versions.owner_id, '') end as owner_id,
        case when histories.has_stages then '' else coalesce(lower(versions.lifecycle_stage), '') end as lifecycle_stage
    from versions
    inner join bounds on versions.company_id = bounds.company_id
    left join histories on versions.company_id = histories.company_id
    where versions.version_number = 1

    union all

    select
        history.company_id,
        greatest(history.changed_at, bounds.begins_at) as changed_at,
        2 as point_kind,
        history.changed_at as told_at,
        history.property_change_id as point_id,
        cast(null as bigint) as version_number,
        history.owner_id,
        history.lifecycle_stage
    from history
    inner join bounds on history.company_id = bounds.company_id and history.changed_at < bounds.last_changed_at

    union all

    select
        company_id,
        changed_at,
        3 as point_kind,
        modified_at as told_at,
        version_hash as point_id,
        version_number,
        coalesce(owner_id, '') as owner_id,
        coalesce(lower(lifecycle_stage), '') as lifecycle_stage
    from versions

)

select
    points.company_id,
    points.changed_at,
    row_number() over (
        partition by points.company_id
        order by points.changed_at, points.point_kind, points.version_number, points.told_at, points.point_id
    ) as point_number,
    points.version_number,
    points.owner_id,
    points.lifecycle_stage,
    versions.name,
    {{ normalised_domain('versions.domain') }} as domain,
    {{ country_code('country_names', 'versions.country') }} as country,
    versions.industry,
    versions.employee_count,
    versions.is_deleted,
    bounds.created_at,
    bounds.observed_from
from points
inner join bounds on points.company_id = bounds.company_id
left join versions on points.company_id = versions.company_id and points.version_number = versions.version_number
left join {{ ref('country_names') }} as country_names on {{ country_name('versions.country') }} = country_names.name
