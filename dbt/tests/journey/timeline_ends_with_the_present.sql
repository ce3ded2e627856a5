-- The story of an account ends in the stage and with the MRR that the account has, and in its latest journey.
with timeline as (

    select
        account_key,
        max_by(stage, sequence_number) as stage,
        max_by(mrr, sequence_number) as mrr,
        max(journey_number) as journey_number
    from {{ ref('journey_timeline') }}
    group by account_key

),

accounts as (

    select
        account_key,
        stage,
        mrr
    from {{ ref('account_360') }}

),

journeys as (

    select
        account_key,
        max(journey_number) as journey_number
    from {{ ref('fct_journeys') }}
    group by account_key

)

select
    timeline.account_key,
    timeline.stage,
    accounts.stage as present_stage,
    timeline.mrr,
    accounts.mrr as present_mrr,
    timeline.journey_number,
    journeys.journey_number as present_journey_number
from timeline
inner join accounts on timeline.account_key = accounts.account_key
left join journeys on timeline.account_key = journeys.account_key
where
    timeline.stage <> coalesce(accounts.stage, 'none')
    or timeline.mrr <> accounts.mrr
    or timeline.journey_number > coalesce(journeys.journey_number, 1)
