-- The current row of an account's history says what dim_accounts says, and every account has one.
{% set columns = [
    'account_key', 'account_id', 'name', 'domain', 'country', 'industry', 'employee_count', 'company_size', 'owner_key',
    'hubspot_company_id', 'stripe_customer_id', 'is_deleted', 'has_crm', 'has_billing',
] | join(', ') %}
with history as (

    select {{ columns }}
    from {{ ref('dim_account_history') }}
    where is_current

),

accounts as (

    select {{ columns }} from {{ ref('dim_accounts') }}

),

missing as (

    select * from accounts
    except
    select * from history

),

surplus as (

    select * from history
    except
    select * from accounts

)

select * from missing
union all
select * from surplus
