-- grain: one deal and instant at which its stage, amount or close date changed, with what held before and after
{{ config(schema='staging', meta=carried(
    by='deal_key',
    keyed=['int_deal_points', 'fct_deals'],
    lookups={'int_rate_days': {'whole': true, 'on': 'day', 'through': {'fct_deals': run_date('created_at')}}}
)) }}

with points as (

    select * from {{ ref('int_deal_points') }}

),

deals as (

    select
        deal_key,
        currency,
        {{ local_date('created_at') }} as created_on
    from {{ ref('fct_deals') }}

),

-- what does not change holds on: each value is numbered, and spreads over the rows of its number
numbered as (

    select
        *,
        count(stage_key) over deal as stage_number,
        count(amount_native) over deal as amount_number,
        count(close_date) over deal as close_date_number
    from points
    window deal as (partition by deal_key order by changed_at rows between unbounded preceding and current row)

),

filled as (

    select
        deal_key,
        changed_at,
        max(stage_key) over (partition by deal_key, stage_number) as stage_key,
        max(status) over (partition by deal_key, stage_number) as status,
        coalesce(max(amount_native) over (partition by deal_key, amount_number), 0) as amount_native,
        coalesce(max(close_date) over (partition by deal_key, close_date_number), cast('9999-12-31' as date)) as close_date
    from numbered

),

-- one rate for the life of a deal, and whole cents, so that any cut of the pipeline sums to the whole
converted as (

    select
        filled.deal_key,
        filled.changed_at,
        filled.stage_key,
        filled.status,
        filled.close_date,
        case
            when filled.amount_native = 0 then {{ money('0') }}
            else {{ round_money(convert('filled.amount_native', require_rate('rates.rate', 'deals.currency', 'deals.created_on'))) }}
        end as amount
    from filled
    inner join deals on filled.deal_key = deals.deal_key
    left join {{ ref('int_rate_days') }} as rates on deals.currency = rates.currency and deals.created_on = rates.day
    where filled.stage_key is not null

)

select
    deal_key,
    changed_at,
    row_number() over deal as change_number,
    coalesce(lag(status) over deal, 'none') as status_before,
    status,
    stage_key,
    coalesce(lag(amount) over deal, 0) as amount_before,
    amount,
    nullif(lag(close_date) over deal, cast('9999-12-31' as date)) as close_date_before,
    nullif(close_date, cast('9999-12-31' as date)) as close_date,
    {{ local_date('changed_at') }} as changed_on,
    lead({{ local_date('changed_at') }}) over deal as next_changed_on
from converted
window deal as (partition by deal_key order by changed_at)
