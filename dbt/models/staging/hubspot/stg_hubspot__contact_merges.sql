-- grain: a pair of contacts of which the winner lists the loser as merged
{{ config(meta=carried(by='winner_id', keyed={'stg_hubspot__contacts': 'contact_id'})) }}

with contacts as (

    select
        contact_id,
        merged_ids
    from {{ ref('stg_hubspot__contacts') }}
    where merged_ids is not null and merged_ids <> ''

),

losers as (

    select
        contact_id as winner_id,
        {{ split_rows('merged_ids', ';') }} as loser_id
    from contacts

)

select distinct
    winner_id,
    trim(loser_id) as loser_id
from losers
where trim(loser_id) <> '' and trim(loser_id) <> winner_id
