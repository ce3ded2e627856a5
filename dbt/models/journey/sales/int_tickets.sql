-- grain: one ticket that exists in the CRM, with its account and main person
{{ config(schema='staging', meta=carried(
    by='ticket_id',
    keyed={
        'stg_hubspot__tickets': 'ticket_id',
        'int_hubspot_object_accounts': 'object_id',
        'int_hubspot_object_people': 'object_id',
    },
    due={'stg_hubspot__tickets': has_come('created_at') ~ ' or ' ~ has_come('closed_at')}
)) }}

with tickets as (

    select * from {{ ref('stg_hubspot__tickets') }}
    where not is_deleted and created_at <= {{ as_of() }}

),

accounts as (

    select
        object_id,
        account_key
    from {{ ref('int_hubspot_object_accounts') }}
    where object_type = 'tickets'

),

people as (

    select
        object_id,
        person_key
    from {{ ref('int_hubspot_object_people') }}
    where object_type = 'tickets' and person_rank = 1

)

select
    {{ key(["'hubspot'", 'tickets.ticket_id']) }} as ticket_key,
    tickets.ticket_id,
    coalesce(accounts.account_key, 'unknown') as account_key,
    coalesce(people.person_key, 'unknown') as person_key,
    tickets.owner_id,
    tickets.pipeline_id,
    tickets.stage_id,
    lower(tickets.priority) as priority,
    tickets.subject,
    tickets.created_at,
    case when tickets.closed_at <= {{ as_of() }} then tickets.closed_at end as closed_at
from tickets
left join accounts on tickets.ticket_id = accounts.object_id
left join people on tickets.ticket_id = people.object_id
