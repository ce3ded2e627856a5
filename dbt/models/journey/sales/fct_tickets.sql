-- grain: one support ticket
with tickets as (

    select * from {{ ref('int_tickets') }}

),

stages as (

    select * from {{ ref('dim_stages') }}
    where stage_type = 'ticket'

),

owners as (

    select
        owner_id,
        owner_key
    from {{ ref('dim_owners') }}

)

select
    cast(tickets.ticket_key as string) as ticket_key,
    cast(tickets.ticket_id as string) as ticket_id,
    cast(tickets.account_key as string) as account_key,
    cast(tickets.person_key as string) as person_key,
    cast(coalesce(owners.owner_key, 'unknown') as string) as owner_key,
    cast(coalesce(stages.stage_key, 'unknown') as string) as stage_key,
    cast(tickets.priority as string) as priority,
    cast(tickets.subject as string) as subject,
    cast(tickets.created_at as timestamp) as created_at,
    cast(tickets.closed_at as timestamp) as closed_at,
    tickets.closed_at is null and not coalesce(stages.is_closed, false) as is_open,
    cast(case
        when tickets.closed_at >= tickets.created_at
            then {{ int_div(seconds_between('tickets.created_at', 'tickets.closed_at'), '60') }}
    end as bigint) as minutes_to_close
from tickets
left join stages
    on tickets.pipeline_id = stages.pipeline_id and tickets.stage_id = stages.stage_id
left join owners on tickets.owner_id = owners.owner_id
