-- grain: one month, account and currency with MRR at the month's end, summed up from the items in force on its last day
{{ config(schema='staging', meta=carried(
    by='account_key',
    keyed=['fct_subscription_periods'],
    due={'fct_subscription_periods': day_has_come('starts_on') ~ ' or ' ~ day_has_come('ends_on')}
)) }}

with months as (

    select
        month,
        -- the day is worked out here: as a column of theirs it would make every account again on each day
        least({{ month_end('month') }}, {{ as_of_date() }}) as valued_on
    from {{ ref('int_metric_months') }}

)

select
    months.month,
    periods.account_key,
    periods.currency,
    sum(periods.mrr_native) as mrr_native,
    sum(
        case
            when periods.evidence in ('invoice_line', 'proration') or periods.usage_mrr_native <> 0 then 0
            else periods.mrr_native
        end
    ) as unbilled_native
from months
inner join {{ ref('fct_subscription_periods') }} as periods
    on
        periods.starts_on <= months.valued_on
        and (periods.ends_on is null or periods.ends_on > months.valued_on)
where periods.mrr_native <> 0
group by months.month, periods.account_key, periods.currency
