-- grain: one event, movement of MRR, or stage entered, of a known account
{{ config(meta=carried(
    by='account_key',
    keyed=['int_timeline_rows', 'int_journey_windows', 'dim_accounts'],
    lookups={
        'dim_people': {'on': 'person_key', 'through': {'int_timeline_rows': 'person_key'}},
        'dim_owners': {'whole': true, 'on': 'owner_key', 'through': {'int_timeline_rows': 'owner_key'}},
        'dim_channels': {'whole': true, 'on': 'channel_key', 'through': {'int_timeline_rows': 'channel_key'}},
        'dim_campaigns': {'whole': true, 'on': 'campaign_key', 'through': {'int_timeline_rows': 'campaign_key'}},
        'fct_deals': {'on': 'deal_key', 'through': {'int_timeline_rows': 'deal_key'}},
    }
)) }}

with sentences as (

    select * from {{ ref('timeline_sentences') }}

),

told as (

    select
        happenings.*,
        coalesce(own.sentence_order, general.sentence_order, 0) as sentence_order,
        coalesce(own.is_headline, general.is_headline, false) as is_headline,
        coalesce(own.sentence, general.sentence, '{colon}') as sentence
    from {{ ref('int_timeline_rows') }} as happenings
    left join sentences as own on happenings.kind = own.kind and happenings.detail = own.detail
    left join sentences as general on happenings.kind = general.kind and general.detail is null

),

journeys as (

    select
        account_key,
        max(journey_number) as journeys
    from {{ ref('int_journey_windows') }}
    group by account_key

),

-- what holds at an instant includes what happens at it
numbered as (

    select
        *,
        row_number() over (
            partition by account_key order by occurred_at, sentence_order, source_key, source_table
        ) as sequence_number,
        coalesce(sum(mrr_change) over account, 0) as mrr,
        sum(churned) over account as churns,
        max_by(account_stage, case when account_stage is not null then occurred_at end) over account as stage,
        max(case when account_stage is not null then occurred_at end) over account as stage_since
    from told
    window account as (partition by account_key order by occurred_at)

),

named as (

    select
        numbered.*,
        accounts.name as account,
        -- the event that ends a journey belongs to it, and so does what follows until the next one begins
        least(
            coalesce(journeys.journeys, 1),
            numbered.churns + case when numbered.stage = 'churned' and numbered.stage_since = numbered.occurred_at then 0 else 1 end
        ) as journey_number,
        case
            when numbered.person_key = 'unknown' then null
            else coalesce(nullif(people.full_name, ''), people.email)
        end as person,
        case when numbered.owner_key <> 'unknown' then owners.name end as owner,
        case when numbered.channel_key <> 'unknown' then channels.label end as channel,
        case when numbered.campaign_key <> 'unknown' then campaigns.name end as campaign,
        deals.name as deal,
        {{ spoken_amount('numbered.amount', 'numbered.amount_currency') }} as amount_text,
        {{ spoken_amount('numbered.mrr_before', 'numbered.amount_currency') }} as before_text,
        {{ spoken_amount('numbered.mrr_before + numbered.mrr_change', 'numbered.amount_currency') }} as after_text
    from numbered
    inner join {{ ref('dim_accounts') }} as accounts on numbered.account_key = accounts.account_key
    left join journeys on numbered.account_key = journeys.account_key
    left join {{ ref('dim_people') }} as people on numbered.person_key = people.person_key
    left join {{ ref('dim_owners') }} as owners on numbered.owner_key = owners.owner_key
    left join {{ ref('dim_channels') }} as channels on numbered.channel_key = channels.channel_key
    left join {{ ref('dim_campaigns') }} as campaigns on numbered.campaign_key = campaigns.campaign_key
    left join {{ ref('fct_deals') }} as deals on numbered.deal_key = deals.deal_key

),

-- each name with the words that lead to it; nothing where it is not known
worded as (

    select
        *,
        coalesce(person, case when sentence like '{person}%' then 'Somebody' else 'somebody' end) as person_text,
        coalesce(owner, case when sentence like '{owner}%' then 'A colleague' else 'a colleague' end) as owner_text,
        coalesce(person, account) as who_text,
        case when owner is null then '' else concat_ws('', ' by ', owner) end as by_text,
        case
            when channel is null then ''
            when campaign is null then concat_ws('', ', via ', lower(channel))
            else concat_ws('', ', via ', lower(channel), ' (', campaign, ')')
        end as via_text,
        case when deal is null then '' else concat_ws('', ' "', deal, '"') end as deal_text,
        case when amount_text is null then '' else concat_ws('', ' of ', amount_text) end as of_amount_text,
        case when label is null then '' else concat_ws('', ' (', label, ')') end as reason_text,
        case when label is null then '' else concat_ws('', ': ', label) end as colon_text,
        case when label is null then '' else concat_ws('', ' "', label, '"') end as label_text
    from named

)

select
    cast({{ key(['source_table', 'source_key']) }} as string) as timeline_key,
    cast(account_key as string) as account_key,
    cast(sequence_number as bigint) as sequence_number,
    cast(occurred_at as timestamp) as occurred_at,
    cast({{ filled_sentence('sentence', {
        'owner': 'owner_text',
        'by': 'by_text',
        'via': 'via_text',
        'score': "coalesce(cast(score_value as string), 'unknown')",
        'change': "coalesce(amount_text, '')",
        'before': "coalesce(before_text, '')",
        'after': "coalesce(after_text, '')",
        'amount': 'of_amount_text',
        'person': 'person_text',
        'who': 'who_text',
        'account': 'account',
        'deal': 'deal_text',
        'reason': 'reason_text',
        'colon': 'colon_text',
        'label': 'label_text',
    }) }} as string) as what_happened,
    cast(kind as string) as event_type,
    is_headline,
    is_milestone,
    is_automated,
    cast(journey_number as int) as journey_number,
    cast(coalesce(stage, 'none') as string) as stage,
    {{ round_money('mrr') }} as mrr,
    cast('{{ var("currency") | upper }}' as string) as currency,
    cast(account as string) as account,
    cast(person_key as string) as person_key,
    cast(person as string) as person,
    cast(owner_key as string) as owner_key,
    cast(owner as string) as owner,
    cast(channel_key as string) as channel_key,
    cast(channel as string) as channel,
    cast(campaign_key as string) as campaign_key,
    cast(campaign as string) as campaign,
    cast(deal_key as string) as deal_key,
    {{ money('amount') }} as amount,
    cast(amount_currency as string) as amount_currency,
    cast(source_table as string) as source_table,
    cast(source_key as string) as source_key,
    cast('{{ policy_version() }}' as string) as policy_version
from worded
