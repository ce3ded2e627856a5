-- grain: one line of an invoice
{{ config(meta=carried(
    by='invoice_line_id',
    keyed=['stg_stripe__invoice_lines'],
    lookups={
        'stg_stripe__invoices': {'on': 'invoice_id', 'through': {'stg_stripe__invoice_lines': 'invoice_id'}},
        'account_sources': {
            'on': 'source_id',
            'through': {'stg_stripe__invoice_lines': 'customer_id', 'stg_stripe__invoices': 'customer_id'},
        },
        'dim_plans': {'whole': true, 'on': 'price_id', 'through': {'stg_stripe__invoice_lines': 'price_id'}},
        'int_rate_days': {
            'whole': true, 'on': 'day', 'through': {'stg_stripe__invoices': run_date('coalesce(finalized_at, created_at)')}
        },
    }
)) }}

with lines as (

    select * from {{ ref('stg_stripe__invoice_lines') }}
    where not is_deleted

),

invoices as (

    select
        *,
        {{ local_date('coalesce(finalized_at, created_at)') }} as invoiced_on,
        status in ('paid', 'open', 'uncollectible') as is_billed
    from {{ ref('stg_stripe__invoices') }}
    where not is_deleted

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
        plan_key,
        price_id
    from {{ ref('dim_plans') }}

),

joined as (

    select
        lines.*,
        coalesce(lines.customer_id, invoices.customer_id) as payer_id,
        coalesce(lines.subscription_id, invoices.subscription_id) as billed_subscription_id,
        invoices.status,
        invoices.invoiced_on,
        invoices.is_billed,
        coalesce(lines.amount_minor, 0) - coalesce(lines.discount_amount_minor, 0)
        - coalesce(lines.inclusive_tax_amount_minor, 0) as net_minor,
        coalesce({{ local_date('lines.period_start_at') }}, invoices.invoiced_on) as service_from,
        coalesce({{ local_date('lines.period_end_at') }}, {{ local_date('lines.period_start_at') }}, invoices.invoiced_on)
            as service_to
    from lines
    inner join invoices on lines.invoice_id = invoices.invoice_id

),

-- what is not billed is no money yet, and asks for no rate
rated as (

    select
        joined.*,
        case
            when joined.is_billed then {{ require_rate('rates.rate', 'joined.currency', 'joined.invoiced_on') }}
        end as rate
    from joined
    left join {{ ref('int_rate_days') }} as rates
        on joined.currency = rates.currency and joined.invoiced_on = rates.day

),

converted as (

    select
        *,
        {{ from_minor('net_minor', 'currency') }} as net_amount_native
    from rated

)

select
    cast({{ key(['converted.invoice_line_id']) }} as string) as invoice_line_key,
    cast(converted.invoice_line_id as string) as invoice_line_id,
    cast(converted.invoice_id as string) as invoice_id,
    cast(converted.payer_id as string) as customer_id,
    cast(converted.billed_subscription_id as string) as subscription_id,
    cast(coalesce(accounts.account_key, 'unknown') as string) as account_key,
    cast(coalesce(plans.plan_key, 'unknown') as string) as plan_key,
    cast(converted.status as string) as invoice_status,
    converted.is_billed,
    cast(coalesce(converted.is_proration, false) as boolean) as is_proration,
    cast(converted.invoiced_on as date) as invoiced_on,
    cast(converted.service_from as date) as service_from,
    cast(greatest(converted.service_from, converted.service_to) as date) as service_to,
    cast(converted.currency as string) as currency,
    cast(converted.quantity as bigint) as quantity,
    {{ money('converted.amount') }} as amount_native,
    {{ money('coalesce(converted.discount_amount, 0)') }} as discount_native,
    {{ money('coalesce(converted.tax_amount, 0) + coalesce(converted.inclusive_tax_amount, 0)') }} as tax_native,
    cast(converted.net_minor as bigint) as net_amount_minor,
    {{ money('converted.net_amount_native') }} as net_amount_native,
    cast(converted.rate as decimal(18, 12)) as rate,
    {{ convert('converted.net_amount_native', 'converted.rate') }} as net_amount,
    cast('{{ policy_version() }}' as string) as policy_version
from converted
left join accounts on converted.payer_id = accounts.customer_id
left join plans on converted.price_id = plans.price_id
