-- grain: one deal and day at whose end it was open; the run's day stands as of the run's instant
{{ config(meta=carried(
    by='deal_key',
    keyed=['int_deal_changes', 'fct_deals'],
    lookups={'dim_stages': {'whole': true, 'on': 'stage_key', 'through': {'int_deal_changes': 'stage_key'}}},
    due={'int_deal_changes': "status = 'open' and next_changed_on is null"}
)) }}

with changes as (

    select * from {{ ref('int_deal_changes') }}

),

-- the last state of a day holds until the day before the next change
days as (

    select
        deal_key,
        stage_key,
        amount,
        close_date,
        {{ explode_dates('changed_on', "coalesce(" ~ date_add('next_changed_on', -1) ~ ", " ~ as_of_date() ~ ")") }} as snapshot_date
    from changes
    where status = 'open' and (next_changed_on is null or next_changed_on > changed_on)

),

deals as (

    select
        deal_key,
        account_key,
        owner_key,
        channel_key,
        {{ local_date('created_at') }} as created_on
    from {{ ref('fct_deals') }}

),

stages as (

    select
        stage_key,
        probability
    from {{ ref('dim_stages') }}

)

select
    cast(days.snapshot_date as date) as snapshot_date,
    cast(days.deal_key as string) as deal_key,
    cast(deals.account_key as string) as account_key,
    cast(deals.owner_key as string) as owner_key,
    cast(deals.channel_key as string) as channel_key,
    cast(days.stage_key as string) as stage_key,
    {{ money('days.amount') }} as amount,
    {{ round_money('days.amount * coalesce(stages.probability, 0)') }} as weighted_amount,
    cast(stages.probability as decimal(9, 4)) as probability,
    cast(days.close_date as date) as expected_close_date,
    cast({{ days_between('deals.created_on', 'days.snapshot_date') }} as int) as days_open
from days
inner join deals on days.deal_key = deals.deal_key
left join stages on days.stage_key = stages.stage_key
