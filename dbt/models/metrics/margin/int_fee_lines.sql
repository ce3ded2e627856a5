-- grain: one fee of the payment provider and plan that its invoice billed, in ten-thousandths; 'unknown' where no invoice is known
{{ config(schema='staging', meta=carried(
    by='cash_key',
    keyed=['fct_cash'],
    lookups={
        'int_charge_invoices': {'on': 'charge_id', 'through': {'fct_cash': 'charge_id'}},
        'fct_invoice_lines': {'on': 'invoice_id', 'through': {'int_charge_invoices': 'invoice_id'}},
        'dim_plans': {'whole': true, 'on': 'plan_key', 'through': {'fct_invoice_lines': 'plan_key'}},
    }
)) }}

with fees as (

    select
        cash_key,
        charge_id,
        account_key,
        {{ month_of('occurred_on') }} as month,
        {{ to_parts("case when kind = 'fee' then fee - amount else fee end") }} as parts
    from {{ ref('fct_cash') }}
    where case when kind = 'fee' then fee - amount else fee end <> 0

),

invoices as (

    select * from {{ ref('int_charge_invoices') }}

),

plans as (

    select
        plan_key,
        case when plan_key = 'unknown' then 'unknown' else product end as product
    from {{ ref('dim_plans') }}

),

billed as (

    select
        lines.invoice_id,
        plans.product as plan,
        sum(lines.net_amount_minor) as weight
    from {{ ref('fct_invoice_lines') }} as lines
    inner join plans on lines.plan_key = plans.plan_key
    where lines.net_amount_minor > 0
    group by lines.invoice_id, plans.product

),

running as (

    select
        invoice_id,
        plan,
        weight,
        sum(weight) over (partition by invoice_id order by plan rows between unbounded preceding and current row) as upto,
        sum(weight) over (partition by invoice_id) as whole
    from billed

),

joined as (

    select
        fees.cash_key,
        fees.account_key,
        fees.month,
        coalesce(running.plan, 'unknown') as plan,
        case when fees.parts < 0 then -1 else 1 end as direction,
        abs(fees.parts) as parts,
        coalesce(running.upto, 1) as upto,
        coalesce(running.weight, 1) as weight,
        coalesce(running.whole, 1) as whole
    from fees
    left join invoices on fees.charge_id = invoices.charge_id
    left join running on invoices.invoice_id = running.invoice_id

)

select
    cash_key,
    account_key,
    plan,
    month,
    direction * ({{ int_div('parts * upto', 'whole') }} - {{ int_div('parts * (upto - weight)', 'whole') }}) as fee_parts
from joined
