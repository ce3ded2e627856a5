-- nothing billed, settled, spent or owed goes without a rate to the reporting currency
with amounts as (

    select
        'fct_invoice_lines' as fact,
        invoice_line_id as id,
        currency,
        invoiced_on as day,
        net_amount as amount
    from {{ ref('fct_invoice_lines') }}
    where is_billed
    union all
    select
        'fct_revenue' as fact,
        source_id as id,
        currency,
        invoiced_on as day,
        amount
    from {{ ref('fct_revenue') }}
    union all
    select
        'fct_cash' as fact,
        balance_transaction_id as id,
        currency,
        occurred_on as day,
        amount
    from {{ ref('fct_cash') }}
    union all
    select
        'fct_costs' as fact,
        cost_id as id,
        currency,
        month as day,
        amount
    from {{ ref('fct_costs') }}
    union all
    select
        'fct_spend' as fact,
        ad_spend_id as id,
        currency,
        spent_on as day,
        amount
    from {{ ref('fct_spend') }}

)

select * from amounts
where amount is null
