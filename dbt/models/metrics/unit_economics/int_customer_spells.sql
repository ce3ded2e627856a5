-- grain: one stay of an account as a customer, by its movements, with the segments it belongs to
{{ config(schema='staging', meta=carried(by='account_key', keyed=['fct_mrr_movements', 'int_account_month_segments'])) }}

with starts as (

    select
        account_key,
        moved_on,
        row_number() over (partition by account_key order by moved_on) as spell
    from {{ ref('fct_mrr_movements') }}
    where movement in ('new', 'reactivation')

),

ends as (

    select
        account_key,
        moved_on,
        row_number() over (partition by account_key order by moved_on) as spell
    from {{ ref('fct_mrr_movements') }}
    where movement = 'churn'

),

begun as (

    select
        starts.account_key,
        starts.spell,
        {{ month_of('starts.moved_on') }} as start_month,
        {{ months_between('starts.moved_on', 'ends.moved_on') }} as tenure
    from starts
    left join ends on starts.account_key = ends.account_key and starts.spell = ends.spell

)

select
    begun.account_key,
    begun.spell,
    begun.start_month,
    begun.tenure,
    {{ segment_columns('segments') }}
from begun
inner join {{ ref('int_account_month_segments') }} as segments
    on begun.account_key = segments.account_key and begun.start_month = segments.month
