-- grain: one month and tenure in months, with the share of customers that stay that long as far as the month knew
with survival as (

    select * from {{ ref('int_segment_survival') }}
    where segment_type = 'all'

)

select
    cast(month as date) as month,
    cast(tenure as integer) as tenure_months,
    cast(at_risk as bigint) as at_risk,
    cast(lost as bigint) as lost,
    cast(survival as double) as survival,
    cast('{{ policy_version() }}' as string) as policy_version
from survival
