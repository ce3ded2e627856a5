-- grain: one campaign on a channel and day, with what its advertising cost
{{ config(meta=timed({'stg_ledger__ad_spend': day_turns() ~ ' and date > ' ~ run_date(':since')})) }}

with spend as (

    select
        *,
        least(date, {{ as_of_date() }}) as rated_on
    from {{ ref('stg_ledger__ad_spend') }}
    where not is_deleted

),

channels as (

    select
        spend_channel,
        channel
    from {{ ref('int_spend_channels') }}

),

campaigns as (

    select campaign_key from {{ ref('dim_campaigns') }}

),

joined as (

    select
        spend.*,
        case when channels.channel is null or channels.channel = 'unknown' then 'unknown' else {{ key(['channels.channel']) }} end
            as channel_key,
        campaigns.campaign_key,
        {{ require_rate('rates.rate', 'spend.currency', 'spend.rated_on') }} as rate
    from spend
    left join channels on spend.channel = channels.spend_channel
    left join campaigns on {{ key([campaign_id('spend.campaign')]) }} = campaigns.campaign_key
    left join {{ ref('int_rate_days') }} as rates on spend.currency = rates.currency and spend.rated_on = rates.day

)

select
    cast({{ key(['ad_spend_id']) }} as string) as spend_key,
    cast(ad_spend_id as string) as ad_spend_id,
    cast(date as date) as spent_on,
    cast(channel_key as string) as channel_key,
    cast(coalesce(campaign_key, 'unknown') as string) as campaign_key,
    cast(currency as string) as currency,
    {{ money('amount') }} as amount_native,
    {{ convert('amount', 'rate') }} as amount,
    cast(clicks as bigint) as clicks,
    cast(impressions as bigint) as impressions
from joined
