-- grain: one activity and person on it, one step of a deal, or one opening or closing of a ticket
-- time alone changes nothing: what is read holds nothing that lies ahead
{{ config(schema='staging', meta=carried(
    by='source_id',
    keyed={
        'int_hubspot_engagements': 'object_id',
        'fct_deal_stage_periods': 'deal_stage_period_key',
        'int_deals': 'deal_id',
        'int_tickets': 'ticket_id',
    },
    lookups={'int_deals': {'on': 'deal_id', 'through': {'fct_deal_stage_periods': 'deal_id'}}},
    due={}
)) }}

with engagements as (

    select
        event_type,
        object_id as source_id,
        occurred_at,
        account_key,
        person_key,
        cast(null as string) as channel,
        owner_id,
        deal_id,
        subject as label,
        direction,
        has_happened as can_be_touch,
        cast(null as decimal(18, 4)) as amount_native,
        cast(null as string) as currency
    from {{ ref('int_hubspot_engagements') }}

),

deals as (

    select
        deal_id,
        account_key,
        person_key,
        channel,
        owner_id,
        name,
        created_at,
        amount,
        case when amount is not null then currency end as currency
    from {{ ref('int_deals') }}

),

deals_created as (

    select
        'deal_created' as event_type,
        deal_id as source_id,
        created_at as occurred_at,
        account_key,
        person_key,
        channel,
        owner_id,
        deal_id,
        name as label,
        cast(null as string) as direction,
        true as can_be_touch,
        amount as amount_native,
        currency
    from deals
    where created_at <= {{ as_of() }}

),

deal_steps as (

    select
        case
            when periods.is_won then 'deal_won'
            when periods.is_lost then 'deal_lost'
            when periods.is_reopened then 'deal_reopened'
            else 'deal_stage_changed'
        end as event_type,
        periods.deal_stage_period_key as source_id,
        periods.entered_at as occurred_at,
        deals.account_key,
        deals.person_key,
        deals.channel,
        deals.owner_id,
        deals.deal_id,
        periods.stage as label,
        cast(null as string) as direction,
        true as can_be_touch,
        deals.amount as amount_native,
        deals.currency
    from {{ ref('fct_deal_stage_periods') }} as periods
    inner join deals on periods.deal_id = deals.deal_id
    where periods.previous_stage_id is not null or periods.is_won or periods.is_lost

),

tickets as (

    select * from {{ ref('int_tickets') }}

),

ticket_steps as (

    {% for event_type, instant in [('ticket_opened', 'created_at'), ('ticket_closed', 'closed_at')] %}
        select
            '{{ event_type }}' as event_type,
            ticket_id as source_id,
            {{ instant }} as occurred_at,
            account_key,
            person_key,
            cast(null as string) as channel,
            owner_id,
            cast(null as string) as deal_id,
            subject as label,
            cast(null as string) as direction,
            true as can_be_touch,
            cast(null as decimal(18, 4)) as amount_native,
            cast(null as string) as currency
        from tickets
        where {{ instant }} <= {{ as_of() }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

unioned as (

    select * from engagements
    union all
    select * from deals_created
    union all
    select * from deal_steps
    union all
    select * from ticket_steps

)

select
    event_type,
    source_id,
    occurred_at,
    account_key,
    person_key,
    channel,
    cast(null as string) as campaign_id,
    owner_id,
    deal_id,
    cast(null as string) as email_id,
    label,
    direction,
    cast(null as bigint) as score_value,
    false as is_automated,
    can_be_touch,
    amount_native,
    currency
from unioned
