-- grain: one month in which leads came, window in days, segment type and segment
{{ config(meta=timed({
    'this': 'not is_mature and ' ~ date_add(month_end('cohort_month'), 'within_days') ~ ' < ' ~ run_date(':now')
})) }}
{%- set windows = (var('lead_conversion_windows') + [var('lead_conversion_days')]) | unique | sort %}

with leads as (

    select
        *,
        {{ month_of('created_on') }} as cohort_month
    from {{ ref('int_lead_segments') }}

),

counted as (

    select
        cohort_month,
        segment_type,
        segment,
        count(*) as leads,
        sum(case when is_at_customer then 1 else 0 end) as leads_at_customers,
        {% for days in windows %}
            sum(case when days_to_convert <= {{ days }} then 1 else 0 end) as converted_{{ days }}{{ ',' if not loop.last }}
        {% endfor %}
    from leads
    group by cohort_month, segment_type, segment

),

unpivoted as (

    {% for days in windows %}
        select
            cohort_month,
            {{ days }} as within_days,
            segment_type,
            segment,
            leads,
            leads_at_customers,
            converted_{{ days }} as leads_converted
        from counted
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

-- a cohort is mature when the last day of its last lead's window is over
aged as (

    select
        *,
        {{ date_add(month_end('cohort_month'), 'within_days') }} < {{ as_of_date() }} as is_mature
    from unpivoted

)

select
    cast(cohort_month as date) as cohort_month,
    cast(within_days as int) as within_days,
    cast(segment_type as string) as segment_type,
    cast(segment as string) as segment,
    is_mature,
    cast(leads as bigint) as leads,
    cast(leads_at_customers as bigint) as leads_at_customers,
    cast({{ if_on(['stripe'], 'leads_converted') }} as bigint) as leads_converted,
    case when is_mature and {{ is_on(['stripe']) }} then {{ ratio('leads_converted', 'leads') }} end as conversion_rate,
    cast(
        case
            when not {{ is_on(['stripe']) }} then 'billing is not connected'
            when not is_mature then 'immature'
        end
        as string
    ) as conversion_rate_reason,
    cast(leads as bigint) as n,
    {{ is_small('leads') }} as is_small,
    cast('{{ policy_version() }}' as string) as policy_version
from aged
