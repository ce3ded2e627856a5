-- A stage that was jumped over has no length, and lies at the entry of a stage that was stayed in.
select skipped.*
from {{ ref('fct_stage_periods') }} as skipped
left join {{ ref('fct_stage_periods') }} as entered
    on
        skipped.entity_type = entered.entity_type
        and skipped.entity_key = entered.entity_key
        and skipped.entered_at = entered.entered_at
        and not entered.is_skipped
where
    skipped.is_skipped
    and (skipped.exited_at is null or skipped.exited_at <> skipped.entered_at or entered.stage is null)
