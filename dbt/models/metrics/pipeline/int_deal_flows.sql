-- grain: one deal, instant and flow into, out of, or within the open pipeline
-- `deals` and `amount` are signed: over all flows they sum to what is open. A change of amount comes before a move of the
-- close date, and that before an end, when the CRM writes them at one instant.
{{ config(schema='staging', meta=carried(by='deal_key', keyed=['int_deal_changes'])) }}

with changes as (

    select
        *,
        {{ month_of('close_date_before') }} as close_month_before,
        {{ month_of('close_date') }} as close_month,
        status_before <> 'none' and status_before <> status as is_turn
    from {{ ref('int_deal_changes') }}

),

flows as (

    select
        deal_key,
        changed_on,
        changed_at,
        'created' as flow,
        1 as deals,
        amount,
        close_month
    from changes
    where status_before = 'none'

    union all

    -- from won to lost or back: open for an instant
    select
        deal_key,
        changed_on,
        changed_at,
        'reopened' as flow,
        1 as deals,
        amount,
        close_month
    from changes
    where is_turn and status_before <> 'open'

    union all

    select
        deal_key,
        changed_on,
        changed_at,
        'changed' as flow,
        0 as deals,
        amount - amount_before as amount,
        close_month_before as close_month
    from changes
    where status_before = 'open' and amount <> amount_before

    union all

    select
        deal_key,
        changed_on,
        changed_at,
        'moved_out' as flow,
        -1 as deals,
        -amount as amount,
        close_month_before as close_month
    from changes
    where status_before = 'open' and status = 'open' and close_month_before is distinct from close_month

    union all

    select
        deal_key,
        changed_on,
        changed_at,
        'moved_in' as flow,
        1 as deals,
        amount,
        close_month
    from changes
    where status_before = 'open' and status = 'open' and close_month_before is distinct from close_month

    union all

    select
        deal_key,
        changed_on,
        changed_at,
        status as flow,
        -1 as deals,
        -amount as amount,
        case when status_before = 'open' then close_month_before else close_month end as close_month
    from changes
    where status <> 'open' and (is_turn or status_before = 'none')

)

select * from flows
