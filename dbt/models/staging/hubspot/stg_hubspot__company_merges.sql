-- grain: a pair of companies of which the winner lists the loser as merged
{{ config(meta=carried(by='winner_id', keyed={'stg_hubspot__companies': 'company_id'})) }}

with companies as (

    select
        company_id,
        merged_ids
    from {{ ref('stg_hubspot__companies') }}
    where merged_ids is not null and merged_ids <> ''

),

losers as (

    select
        company_id as winner_id,
        {{ split_rows('merged_ids', ';') }} as loser_id
    from companies

)

select distinct
    winner_id,
    trim(loser_id) as loser_id
from losers
where trim(loser_id) <> '' and trim(loser_id) <> winner_id
