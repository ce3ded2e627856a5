-- grain: one person, account or deal, and way to cut it into segments; each is in one segment of every type
{{ config(schema='staging') }}

with accounts as (

    select * from {{ ref('int_account_segments') }}

),

-- "offline" is what the CRM writes on whom a rep typed in: the account's origin says more
people as (

    select
        people.person_key,
        case
            when origins.channel is null or origins.channel in ('offline', 'other')
                then coalesce(nullif(accounts.channel, 'unknown'), origins.channel, 'unknown')
            else origins.channel
        end as channel,
        accounts.company_size,
        accounts.country,
        accounts.owner
    from {{ ref('dim_people') }} as people
    inner join accounts on people.account_key = accounts.account_key
    left join {{ ref('int_person_origins') }} as origins on people.person_key = origins.person_key

),

deals as (

    select
        deals.deal_key,
        channels.channel,
        accounts.company_size,
        accounts.country,
        owners.owner_id as owner
    from {{ ref('fct_deals') }} as deals
    inner join accounts on deals.account_key = accounts.account_key
    inner join {{ ref('dim_channels') }} as channels on deals.channel_key = channels.channel_key
    inner join {{ ref('dim_owners') }} as owners on deals.owner_key = owners.owner_key

),

described as (

    select
        'account' as entity_type,
        account_key as entity_key,
        channel,
        company_size,
        country,
        owner
    from accounts
    where account_key <> 'unknown'
    union all
    select
        'person' as entity_type,
        person_key as entity_key,
        channel,
        company_size,
        country,
        owner
    from people
    where person_key <> 'unknown'
    union all
    select
        'deal' as entity_type,
        deal_key as entity_key,
        channel,
        company_size,
        country,
        owner
    from deals

)

select
    entity_type,
    entity_key,
    'all' as segment_type,
    'all' as segment
from described
{% for segment_type in ['channel', 'company_size', 'country', 'owner'] %}
    union all
    select
        entity_type,
        entity_key,
        '{{ segment_type }}' as segment_type,
        {{ segment_type }} as segment
    from described
{% endfor %}
