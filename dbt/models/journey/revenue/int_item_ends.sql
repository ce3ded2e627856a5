-- grain: one item of a subscription, and the day on which it ends for a reason outside its own events
{{ config(schema='staging', meta=carried(
    by='subscription_item_id',
    keyed=['stg_stripe__subscription_items', 'int_subscription_lines'],
    lookups={
        'int_billed_subscriptions': {
            'on': 'subscription_id',
            'through': {'stg_stripe__subscription_items': 'subscription_id', 'int_subscription_lines': 'subscription_id'},
        },
        'account_sources': {'on': 'source_id', 'through': {'int_subscription_lines': 'customer_id'}},
    }
)) }}

with subscriptions as (

    select * from {{ ref('int_billed_subscriptions') }}

),

accounts as (

    select
        source_id as customer_id,
        account_key
    from {{ ref('account_sources') }}
    where source_system = 'stripe' and source_type = 'customer'

),

listed as (

    select
        subscription_item_id,
        subscription_id
    from {{ ref('stg_stripe__subscription_items') }}

),

billed as (

    select
        subscription_item_id,
        max(subscription_id) as subscription_id,
        max(customer_id) as customer_id,
        max(ends_on) as billed_to
    from {{ ref('int_subscription_lines') }}
    where standing = 'counted'
    group by subscription_item_id

),

items as (

    select
        coalesce(listed.subscription_item_id, billed.subscription_item_id) as subscription_item_id,
        coalesce(listed.subscription_id, billed.subscription_id) as subscription_id,
        billed.customer_id,
        -- an item that its subscription no longer lists was served until the end of what was billed
        case when listed.subscription_item_id is null then billed.billed_to end as billed_to
    from listed
    full outer join billed on listed.subscription_item_id = billed.subscription_item_id

)

select
    items.subscription_item_id,
    items.subscription_id,
    coalesce(subscriptions.customer_id, items.customer_id) as customer_id,
    coalesce(subscriptions.account_key, accounts.account_key, 'unknown') as account_key,
    case
        when items.billed_to is null then subscriptions.ended_on
        when subscriptions.ended_on is null then items.billed_to
        else least(items.billed_to, subscriptions.ended_on)
    end as ends_on
from items
left join subscriptions on items.subscription_id = subscriptions.subscription_id
left join accounts on items.customer_id = accounts.customer_id
