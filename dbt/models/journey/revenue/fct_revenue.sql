-- grain: one invoice line, credit note line or refund and month of its service; the run's month is cut after the run's day
{{ config(meta=carried(
    by=['kind', 'source_id'],
    keyed=['int_revenue_items'],
    lookups={
        'account_sources': {'on': 'source_id', 'through': {'int_revenue_items': 'customer_id'}},
        'fct_invoice_lines': {'on': 'invoice_line_id', 'through': {'int_revenue_items': 'invoice_line_id'}},
    },
    due={'int_revenue_items': date_add('service_from', 'service_days - 1') ~ ' > ' ~ run_date(':since')}
)) }}

with items as (

    select
        *,
        {{ date_add('service_from', 'service_days - 1') }} as last_day
    from {{ ref('int_revenue_items') }}

),

months as (

    select
        *,
        {{ explode_dates(month_of('service_from'), month_of('last_day'), 'month') }} as month
    from items

),

sides as (

    select
        *,
        month > {{ as_of_date() }} as is_future,
        greatest(month, service_from) as from_day,
        least({{ month_end('month') }}, last_day) as to_day
    from months

),

-- days after the run's are deferred, in the run's own month as well
cut as (

    select
        kind, source_id, month, is_future, from_day,
        case when is_future then to_day else least(to_day, {{ as_of_date() }}) end as to_day
    from sides
    where is_future or from_day <= {{ as_of_date() }}

    union all

    select
        kind, source_id, month, true as is_future, greatest(from_day, {{ date_add(as_of_date(), 1) }}) as from_day, to_day
    from sides
    where not is_future and to_day > {{ as_of_date() }}

),

counted as (

    select
        items.*,
        cut.month,
        cut.is_future,
        cut.from_day,
        cut.to_day,
        {{ days_between('items.service_from', 'cut.from_day') }} as days_before,
        {{ days_between('items.service_from', 'cut.to_day') }} + 1 as days_through,
        abs(items.net_minor) as minor,
        abs({{ to_parts('items.net_amount') }}) as parts,
        case when items.net_minor < 0 then -1 else 1 end as direction
    from cut
    inner join items on cut.kind = items.kind and cut.source_id = items.source_id

),

-- running totals in whole numbers, so that the months of a line sum to the line
split as (

    select
        *,
        direction * (
            {{ int_div('minor * days_through', 'service_days') }} - {{ int_div('minor * days_before', 'service_days') }}
        ) as month_minor,
        direction * (
            {{ int_div('parts * days_through', 'service_days') }} - {{ int_div('parts * days_before', 'service_days') }}
        ) as month_parts
    from counted

),

accounts as (

    select
        source_id as customer_id,
        account_key
    from {{ ref('account_sources') }}
    where source_system = 'stripe' and source_type = 'customer'

),

plans as (

    select
        invoice_line_id,
        plan_key
    from {{ ref('fct_invoice_lines') }}

)

select
    cast({{ key(['split.kind', 'split.source_id', 'split.month', 'split.is_future']) }} as string) as revenue_key,
    cast(split.kind as string) as kind,
    cast(split.source_id as string) as source_id,
    cast(split.invoice_line_id as string) as invoice_line_id,
    cast(split.invoice_id as string) as invoice_id,
    cast(split.customer_id as string) as customer_id,
    cast(split.subscription_id as string) as subscription_id,
    cast(coalesce(accounts.account_key, 'unknown') as string) as account_key,
    cast(coalesce(plans.plan_key, 'unknown') as string) as plan_key,
    cast(split.invoiced_on as date) as invoiced_on,
    cast(split.month as date) as month,
    split.is_future,
    cast(split.to_day as date) as recognised_to,
    cast(split.currency as string) as currency,
    {{ from_minor(whole('split.month_minor'), 'split.currency') }} as amount_native,
    {{ from_parts('split.month_parts') }} as amount,
    cast(split.rate as decimal(18, 12)) as rate,
    cast('{{ policy_version() }}' as string) as policy_version
from split
left join accounts on split.customer_id = accounts.customer_id
left join plans on split.invoice_line_id = plans.invoice_line_id
