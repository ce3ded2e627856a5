-- A stay moves forward, falls back, leaves, or goes on; and nobody jumps over a stage twice.
select * from {{ ref('stage_conversion') }}
where
    entered <> moved_forward + regressed + left_funnel + still_open
    or (is_reentry and skipped > 0)
    or conversion_rate > conversion_rate_decided
