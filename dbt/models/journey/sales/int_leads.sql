-- grain: one lead: a person that the CRM or email marketing knew first on `created_on`
{{ config(schema='staging', meta=carried(
    by='person_key',
    keyed=['dim_people'],
    lookups={'fct_mrr_movements': {'on': 'account_key', 'through': {'dim_people': 'account_key'}}},
    due={'dim_people': has_come('lead_created_at')}
)) }}

with people as (

    select
        person_key,
        account_key,
        {{ local_date('lead_created_at') }} as created_on
    from {{ ref('dim_people') }}
    where lead_created_at is not null and lead_created_at <= {{ as_of() }}

),

customers as (

    select
        account_key,
        min(moved_on) as customer_on
    from {{ ref('fct_mrr_movements') }}
    where movement = 'new' and account_key <> 'unknown'
    group by account_key

)

select
    people.person_key,
    people.account_key,
    people.created_on,
    case when customers.customer_on >= people.created_on then customers.customer_on end as converted_on,
    coalesce(customers.customer_on < people.created_on, false) as is_at_customer,
    case
        when customers.customer_on >= people.created_on
            then {{ days_between('people.created_on', 'customers.customer_on') }}
    end as days_to_convert
from people
left join customers on people.account_key = customers.account_key
