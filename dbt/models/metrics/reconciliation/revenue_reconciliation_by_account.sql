-- grain: one month and account with any of the amounts that are compared
{{ config(meta=carried(by=['account_key', 'month'], keyed=['revenue_reconciliation_bridges'])) }}

with bridges as (

    select * from {{ ref('revenue_reconciliation_bridges') }}

),

pivoted as (

    select
        month,
        account_key,
        {% for amount, bridge in [
            ('invoiced', 'invoiced_to_recognised'), ('cash_settled', 'invoiced_to_cash'), ('recognised', 'invoiced_to_recognised'),
            ('mrr_end', 'mrr_to_recognised'), ('mrr_new', 'crm_to_mrr'), ('crm_won', 'crm_to_mrr')
        ] %}
        sum(case when bridge = '{{ bridge }}' and side in ('from', 'to') and reason = '{{ amount }}' then amount else 0 end)
            as {{ amount }},
        {% endfor %}
        {% for bridge in ['invoiced_to_recognised', 'invoiced_to_cash', 'mrr_to_recognised', 'crm_to_mrr'] %}
        sum(case when bridge = '{{ bridge }}' and side = 'unexplained' then amount else 0 end) as {{ bridge }}_unexplained
        {{- ',' if not loop.last }}
        {% endfor %}
    from bridges
    group by month, account_key

)

select
    cast(month as date) as month,
    cast(account_key as string) as account_key,
    cast('{{ var("currency") | upper }}' as string) as currency,
    {{ money('invoiced') }} as invoiced,
    {{ money('cash_settled') }} as cash_settled,
    {{ money('recognised') }} as recognised,
    {{ money('mrr_end') }} as mrr_end,
    {{ money('mrr_new') }} as mrr_new,
    {{ money('crm_won') }} as crm_won,
    {{ money('invoiced_to_recognised_unexplained') }} as invoiced_to_recognised_unexplained,
    {{ money('invoiced_to_cash_unexplained') }} as invoiced_to_cash_unexplained,
    {{ money('mrr_to_recognised_unexplained') }} as mrr_to_recognised_unexplained,
    {{ money('crm_to_mrr_unexplained') }} as crm_to_mrr_unexplained,
    {{ money(
        'abs(invoiced_to_recognised_unexplained) + abs(invoiced_to_cash_unexplained) + abs(mrr_to_recognised_unexplained)'
        ~ ' + abs(crm_to_mrr_unexplained)'
    ) }} as unexplained,
    cast('{{ policy_version() }}' as string) as policy_version
from pivoted
