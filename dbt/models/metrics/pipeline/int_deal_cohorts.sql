-- grain: one deal, basis (month in which it was created, or closed) and segment type
{{ config(schema='staging') }}

with deals as (

    select
        deal_key,
        created_at,
        closed_at,
        is_won,
        is_lost,
        is_open,
        cycle_days,
        {{ round_money('coalesce(amount, 0)') }} as amount
    from {{ ref('fct_deals') }}

),

based as (

    select
        'closed' as basis,
        {{ month_of(local_date('closed_at')) }} as month,
        deals.*
    from deals
    where not is_open
    union all
    select
        'created' as basis,
        {{ month_of(local_date('created_at')) }} as month,
        deals.*
    from deals

)

select
    based.basis,
    based.month,
    segments.segment_type,
    segments.segment,
    based.deal_key,
    based.amount,
    based.is_won,
    based.is_lost,
    based.is_open,
    based.cycle_days
from based
inner join {{ ref('int_sales_segments') }} as segments
    on segments.entity_type = 'deal' and based.deal_key = segments.entity_key
