-- grain: one deal that exists in the CRM, with its account, main person and channel
{{ config(schema='staging', meta=carried(
    by='deal_id',
    keyed={
        'stg_hubspot__deals': 'deal_id',
        'int_hubspot_object_accounts': 'object_id',
        'int_hubspot_object_people': 'object_id'
    },
    lookups={
        'int_person_origins': {'on': 'person_key', 'through': {'int_hubspot_object_people': 'person_key'}},
        'int_account_origins': {'on': 'account_key', 'through': {'int_hubspot_object_accounts': 'account_key'}}
    },
    due={'stg_hubspot__deals': 'created_at > :since'}
)) }}

with deals as (

    select * from {{ ref('stg_hubspot__deals') }}
    where not is_deleted and created_at <= {{ as_of() }}

),

accounts as (

    select
        object_id,
        account_key
    from {{ ref('int_hubspot_object_accounts') }}
    where object_type = 'deals'

),

people as (

    select
        object_id,
        person_key
    from {{ ref('int_hubspot_object_people') }}
    where object_type = 'deals' and person_rank = 1

),

origins as (

    select
        person_key,
        channel
    from {{ ref('int_person_origins') }}

),

account_origins as (

    select
        account_key,
        channel
    from {{ ref('int_account_origins') }}

),

signatures as (

    select
        signature_key,
        channel
    from {{ ref('int_channel_signatures') }}

)

select
    {{ key(["'hubspot'", 'deals.deal_id']) }} as deal_key,
    deals.deal_id,
    coalesce(accounts.account_key, 'unknown') as account_key,
    coalesce(people.person_key, 'unknown') as person_key,
    -- the CRM writes "offline" on what a rep typed in; the origin of the person or account says more
    case
        when signatures.channel is null or signatures.channel in ('offline', 'other')
            then coalesce(
                case when origins.channel not in ('offline', 'other') then origins.channel end,
                account_origins.channel,
                signatures.channel
            )
        else signatures.channel
    end as channel,
    deals.name,
    deals.amount,
    coalesce(deals.currency, '{{ var("currency") }}') as currency,
    deals.pipeline_id,
    deals.stage_id,
    deals.deal_type,
    deals.owner_id,
    deals.probability,
    deals.created_at,
    deals.close_at
from deals
left join accounts on deals.deal_id = accounts.object_id
left join people on deals.deal_id = people.object_id
left join origins on people.person_key = origins.person_key
left join account_origins on accounts.account_key = account_origins.account_key
left join signatures
    on {{ channel_signature('null', 'null', 'null', 'deals.analytics_source') }} = signatures.signature_key
