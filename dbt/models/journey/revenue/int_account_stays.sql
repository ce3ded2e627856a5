-- grain: one stay of an account as a customer, [starts_on, ends_on); ends_on is NULL while it lasts
{{ config(schema='staging', meta=carried(
    by='account_key', keyed=['fct_subscription_periods'], due={'fct_subscription_periods': day_has_come('ends_on')}
)) }}

{% set gap_days = policy('reactivation_gap_days') %}

-- what makes a customer: MRR, or by policy a plan that has become free
with presence as (

    select
        account_key,
        starts_on,
        case when ends_on <= {{ as_of_date() }} then ends_on end as ends_on,
        mrr_native
    from {{ ref('fct_subscription_periods') }}
    where mrr_native > 0{% if policy('full_discount') == 'customer' %} or state = 'free'{% endif %}

),

steps as (

    select
        account_key,
        starts_on as day,
        1 as step,
        case when mrr_native > 0 then 1 else 0 end as paid_step
    from presence
    union all
    select
        account_key,
        ends_on as day,
        -1 as step,
        case when mrr_native > 0 then -1 else 0 end as paid_step
    from presence
    where ends_on is not null

),

days as (

    select
        account_key,
        day,
        sum(step) as step,
        sum(paid_step) as paid_step
    from steps
    group by account_key, day

),

counted as (

    select
        *,
        sum(step) over (
            partition by account_key order by day rows between unbounded preceding and current row
        ) as present_after,
        sum(paid_step) over (
            partition by account_key order by day rows between unbounded preceding and current row
        ) as paid_after,
        lag(day) over (partition by account_key order by day) as day_before
    from days

),

-- a presence begins where there was none, unless that was for no longer than the policy bears
numbered as (

    select
        *,
        sum(
            case
                when present_after > 0 and present_after - step = 0
                    and (day_before is null or {{ days_between('day_before', 'day') }} > {{ gap_days }}) then 1
                else 0
            end
        ) over (partition by account_key order by day rows between unbounded preceding and current row) as presence_number
    from counted

),

-- and makes a customer from the first day on that is paid for
stays as (

    select
        account_key,
        presence_number,
        min(case when paid_after > 0 then day end) as starts_on,
        max(day) as last_change_on,
        max(case when present_after = 0 then day end) as last_absent_on
    from numbered
    where presence_number > 0
    group by account_key, presence_number

)

select
    account_key,
    row_number() over (partition by account_key order by starts_on) as stay_number,
    starts_on,
    case when last_absent_on = last_change_on then last_absent_on end as ends_on
from stays
where starts_on is not null
