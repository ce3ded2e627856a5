-- grain: one month, account and step from what the CRM says was won to the new MRR
{{ config(schema='staging', meta=carried(by='account_key', keyed=['fct_deals', 'fct_mrr_movements'])) }}

with deals as (

    select
        deal_key,
        account_key,
        coalesce(deal_type, '') = 'existingbusiness' as is_existing_business,
        {{ local_date('closed_at') }} as won_on,
        coalesce(amount, 0) as won
    from {{ ref('fct_deals') }}
    where is_won

),

beginnings as (

    select
        account_key,
        moved_on,
        amount as mrr_new
    from {{ ref('fct_mrr_movements') }}
    where movement = 'new'

),

-- an account begins once: with the deal for new business that was won nearest to it
ranked as (

    select
        deals.*,
        beginnings.moved_on,
        beginnings.mrr_new,
        -- the square of an amount is too long for a decimal
        {{ to_parts('deals.won') }} as won_parts,
        {{ to_parts('beginnings.mrr_new') }} as mrr_parts,
        row_number() over (
            partition by deals.account_key, deals.is_existing_business
            order by abs({{ days_between('deals.won_on', 'beginnings.moved_on') }}), deals.won_on, deals.deal_key
        ) as nearness
    from deals
    left join beginnings on deals.account_key = beginnings.account_key and deals.account_key <> 'unknown'

),

paired as (

    select
        *,
        {{ month_of('won_on') }} as won_month,
        {{ month_of('moved_on') }} as new_month,
        moved_on is not null and not is_existing_business and nearness = 1 as is_pair,
        -- the months that the amount stands for: the nearest, by ratio, of one, twelve, 24 and 36
        case
            when won_parts * won_parts < 12 * mrr_parts * mrr_parts then 1
            when won_parts * won_parts < 288 * mrr_parts * mrr_parts then 12
            when won_parts * won_parts < 864 * mrr_parts * mrr_parts then 24
            else 36
        end as term_months
    from ranked

),

valued as (

    select
        *,
        {{ from_parts(divide_half_up(to_parts('won'), 'term_months')) }} as won_a_month
    from paired

),

steps as (

    select
        won_month as month,
        account_key,
        'from' as side,
        'crm_won' as reason,
        won as amount
    from valued
    union all
    select
        won_month as month,
        account_key,
        'step' as side,
        case
            when is_existing_business or (moved_on is not null and not is_pair) then 'not_the_first_sale'
            when not is_pair then 'no_subscription'
            else 'value_of_the_term'
        end as reason,
        case when is_pair then won_a_month - won else -won end as amount
    from valued
    union all
    -- a discount or another rate, not another sale
    select
        won_month as month,
        account_key,
        'step' as side,
        'other_amount' as reason,
        mrr_new - won_a_month as amount
    from valued
    where is_pair and abs(mrr_new - won_a_month) <= {{ var('crm_amount_tolerance') }} * mrr_new
    union all
    select
        won_month as month,
        account_key,
        'step' as side,
        'other_month' as reason,
        -mrr_new as amount
    from valued
    where is_pair and won_month <> new_month
    union all
    select
        new_month as month,
        account_key,
        'step' as side,
        'other_month' as reason,
        mrr_new as amount
    from valued
    where is_pair and won_month <> new_month
    union all
    select
        {{ month_of('beginnings.moved_on') }} as month,
        beginnings.account_key,
        'step' as side,
        'no_deal' as reason,
        beginnings.mrr_new as amount
    from beginnings
    left join valued on beginnings.account_key = valued.account_key and valued.is_pair
    where valued.account_key is null
    union all
    select
        {{ month_of('moved_on') }} as month,
        account_key,
        'to' as side,
        'mrr_new' as reason,
        mrr_new as amount
    from beginnings

)

select
    month,
    account_key,
    side,
    reason,
    sum(amount) as amount
from steps
group by month, account_key, side, reason
