-- Every person and account has stage periods.
with entities as (

    select
        'person' as entity_type,
        person_key as entity_key
    from {{ ref('dim_people') }}
    where person_key <> 'unknown'
    union all
    select
        'account' as entity_type,
        account_key as entity_key
    from {{ ref('dim_accounts') }}
    where account_key <> 'unknown'

)

select entities.*
from entities
where not exists (
    select 1 from {{ ref('fct_stage_periods') }} as periods
    where periods.entity_type = entities.entity_type and periods.entity_key = entities.entity_key
)
