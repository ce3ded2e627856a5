-- grain: one logged activity (call, email, meeting, note, task) that has happened, and person on it
{{ config(schema='staging', meta=carried(
    by='object_id',
    keyed={
        'stg_hubspot__calls': 'call_id',
        'stg_hubspot__emails': 'email_id',
        'stg_hubspot__meetings': 'meeting_id',
        'stg_hubspot__notes': 'note_id',
        'stg_hubspot__tasks': 'task_id',
        'int_hubspot_object_people': 'object_id',
        'int_hubspot_object_accounts': 'object_id',
        'stg_hubspot__associations': 'from_id',
    },
    due={
        'stg_hubspot__calls': has_come('occurred_at'),
        'stg_hubspot__emails': has_come('occurred_at'),
        'stg_hubspot__meetings': has_come('occurred_at'),
        'stg_hubspot__notes': has_come('occurred_at'),
        'stg_hubspot__tasks': has_come('occurred_at'),
    }
)) }}

{%- set streams = {'calls': 'call', 'emails': 'email', 'meetings': 'meeting', 'notes': 'note', 'tasks': 'task'} %}

with activities as (

    {% for stream, entity in streams.items() %}
        select
            '{{ stream }}' as object_type,
            {{ entity }}_id as object_id,
            occurred_at,
            owner_id,
            upper(coalesce(direction, '')) as direction,
            upper(coalesce(status, '')) as status,
            subject
        from {{ ref('stg_hubspot__' ~ stream) }}
        where not is_deleted and occurred_at <= {{ as_of() }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

types as (

    select
        source_event,
        event_type
    from {{ ref('event_types') }}
    where source_system = 'hubspot' and source_event is not null

),

people as (

    select * from {{ ref('int_hubspot_object_people') }}

),

accounts as (

    select * from {{ ref('int_hubspot_object_accounts') }}

),

deals as (

    select
        from_type,
        from_id,
        min(to_id) as deal_id
    from {{ ref('stg_hubspot__associations') }}
    where to_type = 'deals' and not is_deleted
    group by from_type, from_id

)

select
    types.event_type,
    activities.object_id,
    activities.occurred_at,
    coalesce(nullif(people.account_key, 'unknown'), accounts.account_key) as account_key,
    coalesce(people.person_key, 'unknown') as person_key,
    activities.owner_id,
    deals.deal_id,
    activities.subject,
    case
        when activities.direction in ('INBOUND', 'INCOMING_EMAIL') then 'in'
        when activities.direction <> '' then 'out'
    end as direction,
    -- what was called off, or never left, reached nobody
    activities.status not in ('CANCELED', 'CANCELLED', 'NO_SHOW', 'QUEUED', 'FAILED', 'BOUNCED', 'RESCHEDULED')
        as has_happened
from activities
inner join types on activities.object_type = types.source_event
left join people
    on activities.object_type = people.object_type and activities.object_id = people.object_id
left join accounts
    on activities.object_type = accounts.object_type and activities.object_id = accounts.object_id
left join deals
    on activities.object_type = deals.from_type and activities.object_id = deals.from_id
