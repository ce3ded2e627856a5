-- grain: one deal and instant at which the CRM wrote its stage, amount or close date; what was not written is NULL
{{ config(schema='staging', meta=carried(
    by='deal_key',
    keyed=['fct_deal_stage_periods', 'fct_deals'],
    lookups={'stg_hubspot__property_history': {'on': 'object_id', 'through': {'fct_deals': 'deal_id'}}},
    due={
        'stg_hubspot__property_history':
            "object_type = 'deals' and property in ('amount', 'closedate') and " ~ has_come('changed_at')
    }
)) }}

with periods as (

    select
        deal_key,
        stage_key,
        entered_at,
        is_closed,
        previous_stage_id is null as is_first,
        case when is_won then 'won' when is_lost then 'lost' else 'open' end as status
    from {{ ref('fct_deal_stage_periods') }}

),

deals as (

    select
        deals.deal_key,
        deals.deal_id,
        deals.created_at,
        deals.amount_native,
        deals.currency,
        deals.expected_close_date,
        {{ local_date('deals.created_at') }} as created_on,
        least(deals.created_at, periods.entered_at) as born_at
    from {{ ref('fct_deals') }} as deals
    inner join periods on deals.deal_key = periods.deal_key and periods.is_first

),

history as (

    select
        object_id as deal_id,
        property,
        value,
        changed_at
    from {{ ref('stg_hubspot__property_history') }}
    where
        object_type = 'deals'
        and property in ('amount', 'closedate')
        and not is_deleted
        and changed_at <= {{ as_of() }}

),

-- a deal is open from its creation on, even where its history begins with its end
stage_points as (

    select
        periods.deal_key,
        case when periods.is_first and not periods.is_closed then deals.born_at else periods.entered_at end as changed_at,
        periods.stage_key,
        periods.status
    from periods
    inner join deals on periods.deal_key = deals.deal_key
    union all
    select
        periods.deal_key,
        deals.created_at as changed_at,
        'unknown' as stage_key,
        'open' as status
    from periods
    inner join deals on periods.deal_key = deals.deal_key
    where periods.is_first and periods.is_closed and periods.entered_at > deals.created_at

),

-- what is written within a minute of a deal's creation is part of it
amounts as (

    select
        deals.deal_key,
        case
            when history.changed_at > {{ timestamp_add('deals.born_at', 1, 'minute') }} then history.changed_at
            else deals.born_at
        end as changed_at,
        coalesce(history.changed_at, deals.born_at) as known_at,
        case
            when history.deal_id is null then deals.amount_native
            else coalesce({{ safe_cast("nullif(history.value, '')", 'decimal(18, 4)') }}, 0)
        end as amount_native
    from deals
    left join history on deals.deal_id = history.deal_id and history.property = 'amount'

),

-- a value that was cleared stands as a day that never comes
close_dates as (

    select
        deals.deal_key,
        case
            when history.changed_at > {{ timestamp_add('deals.born_at', 1, 'minute') }} then history.changed_at
            else deals.born_at
        end as changed_at,
        coalesce(history.changed_at, deals.born_at) as known_at,
        coalesce(
            case
                when history.deal_id is null then deals.expected_close_date
                else {{ local_date(instant_of_text('history.value')) }}
            end,
            cast('9999-12-31' as date)
        ) as close_date
    from deals
    left join history on deals.deal_id = history.deal_id and history.property = 'closedate'

),

points as (

    select
        deal_key,
        changed_at,
        stage_key,
        status,
        cast(null as decimal(18, 4)) as amount_native,
        cast(null as date) as close_date
    from stage_points
    union all
    select
        deal_key,
        changed_at,
        cast(null as string) as stage_key,
        cast(null as string) as status,
        max_by(amount_native, known_at) as amount_native,
        cast(null as date) as close_date
    from amounts
    group by deal_key, changed_at
    union all
    select
        deal_key,
        changed_at,
        cast(null as string) as stage_key,
        cast(null as string) as status,
        cast(null as decimal(18, 4)) as amount_native,
        max_by(close_date, known_at) as close_date
    from close_dates
    group by deal_key, changed_at

)

select
    deal_key,
    changed_at,
    max(stage_key) as stage_key,
    max(status) as status,
    max(amount_native) as amount_native,
    max(close_date) as close_date
from points
group by deal_key, changed_at
