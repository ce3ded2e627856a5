-- grain: one account with the segments it belongs to, as known today; 'unknown' where nothing is
{{ config(schema='staging') }}

with accounts as (

    select * from {{ ref('dim_accounts') }}

),

owners as (

    select
        owner_key,
        owner_id
    from {{ ref('dim_owners') }}

),

origins as (

    select * from {{ ref('int_account_origins') }}

)

select
    accounts.account_key,
    coalesce(origins.channel, 'unknown') as channel,
    coalesce(accounts.company_size, 'unknown') as company_size,
    coalesce(nullif(trim(accounts.country), ''), 'unknown') as country,
    coalesce(owners.owner_id, 'unknown') as owner
from accounts
left join origins on accounts.account_key = origins.account_key
left join owners on accounts.owner_key = owners.owner_key
