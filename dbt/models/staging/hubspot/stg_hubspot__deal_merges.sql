-- grain: a pair of deals of which the winner lists the loser as merged
{{ config(meta=carried(by='winner_id', keyed={'stg_hubspot__deals': 'deal_id'})) }}

with deals as (

    select
        deal_id,
        merged_ids
    from {{ ref('stg_hubspot__deals') }}
    where merged_ids is not null and merged_ids <> ''

),

losers as (

    select
        deal_id as winner_id,
        {{ split_rows('merged_ids', ';') }} as loser_id
    from deals

)

select distinct
    winner_id,
    trim(loser_id) as loser_id
from losers
where trim(loser_id) <> '' and trim(loser_id) <> winner_id
