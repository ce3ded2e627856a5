-- grain: one month and segment, with what a customer of it is worth
{{ config(schema='staging') }}

with months as (

    select
        *,
        recognised_revenue - cost_of_revenue as gross_margin_amount,
        case when cost_of_revenue is not null then recognised_revenue end as costed_revenue
    from {{ ref('int_segment_months') }}

),

joined as (

    select
        months.month,
        months.segment_type,
        months.segment,
        months.customers_end,
        months.n < {{ var('minimum_segment_accounts') }} and months.segment_type <> 'all' as is_hidden,
        {{ money_per('months.mrr_end', 'months.customers_end') }} as arpa,
        months.gross_margin_amount,
        months.costed_revenue,
        coalesce(lifetimes.losses, 0) as losses,
        lifetimes.extrapolated_months,
        lifetimes.observed_months + lifetimes.extrapolated_months as lifetime_months
    from months
    left join {{ ref('int_monthly_lifetimes') }} as lifetimes
        on
            months.month = lifetimes.month
            and months.segment_type = lifetimes.segment_type
            and months.segment = lifetimes.segment

),

margins as (

    select
        *,
        {{ trailing_margin('gross_margin_amount', 'costed_revenue', ['segment_type', 'segment']) }} as margin_3_months
    from joined

)

select
    month,
    segment_type,
    segment,
    is_hidden,
    losses,
    lifetime_months,
    margin_3_months,
    {{ ratio('extrapolated_months', 'lifetime_months') }} as extrapolated_share,
    case when customers_end > 0 and losses > 0 and not is_hidden then
        {{ lifetime_value('arpa', 'margin_3_months', 'lifetime_months') }}
    end as clv
from margins
