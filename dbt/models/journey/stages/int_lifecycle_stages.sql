-- grain: one contact and value of its lifecycle stage that the policy knows: [from_at, until_at), open while it lasts
{{ config(schema='staging', meta=carried(
    by='contact_id',
    keyed={
        'stg_hubspot__contacts': 'contact_id',
        'stg_hubspot__contact_merges': 'loser_id',
        'stg_hubspot__property_history': 'object_id',
    }
)) }}

with policy as (

    select
        policy.value,
        stages.funnel_rank
    from {{ ref('stage_policy') }} as policy
    inner join {{ ref('journey_stages') }} as stages on policy.stage = stages.stage
    where policy.source_system = 'hubspot' and policy.signal = 'lifecycle_stage'

),

contacts as (

    select
        contact_id,
        lifecycle_stage,
        coalesce(created_at, first_extracted_at) as created_at,
        modified_at,
        is_deleted
    from {{ ref('stg_hubspot__contacts') }}

),

merged as (

    select distinct loser_id from {{ ref('stg_hubspot__contact_merges') }}

),

history as (

    select
        object_id as contact_id,
        lower(value) as value,
        changed_at
    from {{ ref('stg_hubspot__property_history') }}
    where object_type = 'contacts' and property = 'lifecyclestage' and not is_deleted

),

-- where the history cannot be read, the present value is taken to have held since the contact was created
values_known as (

    select * from history
    union all
    select
        contacts.contact_id,
        lower(contacts.lifecycle_stage) as value,
        contacts.created_at as changed_at
    from contacts
    where not exists (
        select 1 from history
        where history.contact_id = contacts.contact_id
    )

),

lifecycle as (

    select
        values_known.contact_id,
        policy.funnel_rank,
        values_known.changed_at as from_at,
        lead(values_known.changed_at) over (
            partition by values_known.contact_id order by values_known.changed_at
        ) as until_at
    from values_known
    inner join policy on values_known.value = policy.value

)

-- a contact that was merged away no longer holds its winner in a stage
select
    lifecycle.contact_id,
    lifecycle.funnel_rank,
    lifecycle.from_at,
    coalesce(
        lifecycle.until_at,
        case when merged.loser_id is not null and contacts.is_deleted then contacts.modified_at end
    ) as until_at
from lifecycle
left join contacts on lifecycle.contact_id = contacts.contact_id
left join merged on lifecycle.contact_id = merged.loser_id
