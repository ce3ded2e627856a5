-- grain: one owner of CRM records, and the unknown one
with owners as (

    select * from {{ ref('stg_hubspot__owners') }}

),

known as (

    select
        {{ key(['owner_id']) }} as owner_key,
        owner_id,
        {{ normalised_email('email') }} as email,
        coalesce(
            nullif(trim(concat_ws('', coalesce(first_name, ''), ' ', coalesce(last_name, ''))), ''),
            {{ normalised_email('email') }},
            owner_id
        ) as name,
        coalesce(team, 'unknown') as team,
        not is_deleted as is_active
    from owners

)

select * from known

union all

select
    'unknown' as owner_key,
    'unknown' as owner_id,
    cast(null as string) as email,
    'unknown' as name,
    'unknown' as team,
    false as is_active
