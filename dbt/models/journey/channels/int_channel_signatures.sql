-- grain: one distinct combination of utm_source, utm_medium, referring host and CRM source, with the channel it means
{{ config(schema='staging') }}

with contacts as (

    select distinct
        utm_source,
        utm_medium,
        cast(null as string) as referrer_host,
        analytics_source
    from {{ ref('stg_hubspot__contacts') }}

),

deals as (

    select distinct
        cast(null as string) as utm_source,
        cast(null as string) as utm_medium,
        cast(null as string) as referrer_host,
        analytics_source
    from {{ ref('stg_hubspot__deals') }}

),

people as (

    select distinct
        utm_source,
        utm_medium,
        {{ url_host('referrer') }} as referrer_host,
        cast(null as string) as analytics_source
    from {{ ref('stg_encharge__people') }}

),

visits as (

    select distinct
        utm_source,
        utm_medium,
        referrer_host,
        cast(null as string) as analytics_source
    from {{ ref('int_encharge_events') }}
    where url is not null

),

unioned as (

    select * from contacts
    union all
    select * from deals
    union all
    select * from people
    union all
    select * from visits

),

keyed as (

    select
        *,
        {{ channel_signature('utm_source', 'utm_medium', 'referrer_host', 'analytics_source') }} as signature_key
    from unioned

),

signatures as (

    select
        signature_key,
        coalesce(min(lower(trim(utm_source))), '') as utm_source,
        coalesce(min(lower(trim(utm_medium))), '') as utm_medium,
        coalesce(min(lower(trim(referrer_host))), '') as referrer_host,
        coalesce(min(lower(trim(analytics_source))), '') as analytics_source
    from keyed
    group by signature_key

),

rules as (

    select * from {{ ref('channel_mapping') }}
    where spend_channel is null

),

-- a rule's empty field asks nothing; a filled one must match
matched as (

    select
        signatures.signature_key,
        min(rules.rule_order) as rule_order
    from signatures
    inner join rules
        on
            (rules.utm_source is null or (signatures.utm_source <> '' and signatures.utm_source like rules.utm_source))
            and (
                rules.utm_medium is null or (signatures.utm_medium <> '' and signatures.utm_medium like rules.utm_medium)
            )
            and (
                rules.referrer_host is null
                or (signatures.referrer_host <> '' and signatures.referrer_host like rules.referrer_host)
            )
            and (
                rules.analytics_source is null
                or (signatures.analytics_source <> '' and signatures.analytics_source like rules.analytics_source)
            )
    group by signatures.signature_key

)

select
    signatures.signature_key,
    signatures.utm_source,
    signatures.utm_medium,
    signatures.referrer_host,
    signatures.analytics_source,
    -- NULL: nothing was told
    rules.channel
from signatures
left join matched on signatures.signature_key = matched.signature_key
left join rules on matched.rule_order = rules.rule_order
