-- grain: one month, segment type and segment: who converted in it, whenever they came, beside who came in it
{{ config(meta=timed({'this': month_turns()})) }}

with leads as (

    select * from {{ ref('int_lead_segments') }}

),

moves as (

    select
        segment_type,
        segment,
        {{ month_of('created_on') }} as month,
        1 as created,
        0 as converted
    from leads
    union all
    select
        segment_type,
        segment,
        {{ month_of('converted_on') }} as month,
        0 as created,
        1 as converted
    from leads
    where converted_on is not null

),

monthly as (

    select
        month,
        segment_type,
        segment,
        sum(created) as created,
        sum(converted) as converted
    from moves
    group by month, segment_type, segment

)

select
    cast(month as date) as month,
    {{ month_end('month') }} < {{ as_of_date() }} as is_complete,
    cast(segment_type as string) as segment_type,
    cast(segment as string) as segment,
    cast(created as bigint) as leads_created_in_month,
    cast({{ if_on(['stripe'], 'converted') }} as bigint) as leads_converted_in_month,
    {{ if_on(['stripe'], ratio('converted', 'created')) }} as period_conversion_ratio,
    cast(
        case
            when not {{ is_on(['stripe']) }} then 'billing is not connected'
            when created = 0 then 'no leads'
        end
        as string
    ) as period_conversion_ratio_reason,
    cast(created as bigint) as n,
    {{ is_small('created') }} as is_small,
    cast('{{ policy_version() }}' as string) as policy_version
from monthly
