-- grain: one account: the channel and campaign that first brought one of its people
{{ config(schema='staging') }}

with origins as (

    select * from {{ ref('int_person_origins') }}

),

people as (

    select
        person_key,
        account_key
    from {{ ref('dim_people') }}
    where account_key <> 'unknown'

),

ranked as (

    select
        people.account_key,
        origins.channel,
        origins.campaign_id,
        row_number() over (
            partition by people.account_key
            order by
                case when origins.channel in ('direct', 'offline', 'other') then 1 else 0 end,
                origins.known_at nulls last,
                origins.person_key
        ) as preference
    from origins
    inner join people on origins.person_key = people.person_key

)

select
    account_key,
    channel,
    campaign_id
from ranked
where preference = 1
