-- grain: one account
with accounts as (

    select * from {{ ref('dim_accounts') }}
    where account_key <> 'unknown'

),

owners as (

    select * from {{ ref('dim_owners') }}

),

people as (

    select
        account_key,
        count(*) as people
    from {{ ref('dim_people') }}
    where not is_deleted
    group by account_key

),

stages as (

    select
        entity_key as account_key,
        stage,
        entered_at
    from {{ ref('fct_stage_periods') }}
    where entity_type = 'account' and exited_at is null

),

billing as (

    select * from {{ ref('int_account_billing') }}

),

deals as (

    select
        account_key,
        sum(case when is_open then 1 else 0 end) as open_deals,
        sum(case when is_open then amount else 0 end) as open_deal_amount,
        sum(case when is_won then 1 else 0 end) as won_deals,
        sum(case when is_won then amount else 0 end) as won_deal_amount
    from {{ ref('fct_deals') }}
    group by account_key

),

touches as (

    select
        account_key,
        count(*) as touches,
        max(occurred_at) as last_touch_at
    from {{ ref('fct_journey_events') }}
    where is_touch
    group by account_key

),

tickets as (

    select
        account_key,
        sum(case when is_open then 1 else 0 end) as open_tickets,
        count(*) as tickets
    from {{ ref('fct_tickets') }}
    group by account_key

)

select
    cast(accounts.account_key as string) as account_key,
    cast(accounts.account_id as string) as account_id,
    cast(accounts.name as string) as name,
    cast(accounts.domain as string) as domain,
    cast(accounts.country as string) as country,
    cast(accounts.industry as string) as industry,
    cast(accounts.employee_count as bigint) as employee_count,
    cast(accounts.company_size as string) as company_size,
    cast(accounts.hubspot_company_id as string) as hubspot_company_id,
    cast(accounts.stripe_customer_id as string) as stripe_customer_id,
    cast(accounts.owner_key as string) as owner_key,
    cast(owners.name as string) as owner,
    accounts.is_deleted,
    cast(coalesce(people.people, 0) as bigint) as people,
    cast(stages.stage as string) as stage,
    cast(stages.entered_at as timestamp) as stage_entered_at,
    coalesce(billing.mrr, 0) > 0 as is_customer,
    cast('{{ var("currency") | upper }}' as string) as currency,
    {{ round_money('coalesce(billing.mrr, 0)') }} as mrr,
    {{ round_money('coalesce(billing.at_risk_mrr, 0)') }} as at_risk_mrr,
    {{ round_money('coalesce(billing.committed_mrr, 0)') }} as committed_mrr,
    cast(billing.customer_since as date) as customer_since,
    cast(billing.churned_on as date) as churned_on,
    cast(billing.first_payment_on as date) as first_payment_on,
    cast(billing.last_payment_on as date) as last_payment_on,
    {{ round_money('coalesce(billing.lifetime_revenue, 0)') }} as lifetime_revenue,
    {{ round_money('coalesce(billing.lifetime_cash, 0)') }} as lifetime_cash,
    cast(coalesce(deals.open_deals, 0) as bigint) as open_deals,
    {{ round_money('coalesce(deals.open_deal_amount, 0)') }} as open_deal_amount,
    cast(coalesce(deals.won_deals, 0) as bigint) as won_deals,
    {{ round_money('coalesce(deals.won_deal_amount, 0)') }} as won_deal_amount,
    cast(coalesce(touches.touches, 0) as bigint) as touches,
    cast(touches.last_touch_at as timestamp) as last_touch_at,
    cast(coalesce(tickets.open_tickets, 0) as bigint) as open_tickets,
    cast(coalesce(tickets.tickets, 0) as bigint) as tickets,
    cast('{{ policy_version() }}' as string) as policy_version
from accounts
left join owners on accounts.owner_key = owners.owner_key
left join people on accounts.account_key = people.account_key
left join stages on accounts.account_key = stages.account_key
left join billing on accounts.account_key = billing.account_key
left join deals on accounts.account_key = deals.account_key
left join touches on accounts.account_key = touches.account_key
left join tickets on accounts.account_key = tickets.account_key
