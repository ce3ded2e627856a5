-- What a segment closes a month with is what the snapshots of its last day hold: by close month, owner and in total.
with last_days as (

    select distinct
        month,
        least({{ month_end('month') }}, {{ as_of_date() }}) as last_day
    from {{ ref('pipeline_waterfall') }}

),

snapshots as (

    select
        last_days.month,
        snapshots.amount,
        owners.owner_id as owner,
        coalesce(cast({{ month_of('snapshots.expected_close_date') }} as string), 'unknown') as close_month
    from {{ ref('fct_deal_snapshots') }} as snapshots
    inner join last_days on snapshots.snapshot_date = last_days.last_day
    inner join {{ ref('dim_owners') }} as owners on snapshots.owner_key = owners.owner_key

),

expected as (

    {% for segment_type, segment in {'all': "'all'", 'owner': 'owner', 'close_month': 'close_month'}.items() %}
        select
            month,
            '{{ segment_type }}' as segment_type,
            {{ segment }} as segment,
            count(*) as deals,
            sum(amount) as amount
        from snapshots
        group by 1, 2, 3
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

found as (

    select * from {{ ref('pipeline_waterfall') }}
    where segment_type in ('all', 'owner', 'close_month')

)

select
    coalesce(found.month, expected.month) as month,
    coalesce(found.segment_type, expected.segment_type) as segment_type,
    coalesce(found.segment, expected.segment) as segment,
    found.deals_closing,
    expected.deals
from found
full outer join expected
    on
        found.month = expected.month
        and found.segment_type = expected.segment_type
        and found.segment = expected.segment
where
    coalesce(found.deals_closing, 0) <> coalesce(expected.deals, 0)
    or coalesce(found.amount_closing, 0) <> coalesce(expected.amount, 0)
