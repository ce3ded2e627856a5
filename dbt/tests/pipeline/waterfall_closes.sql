-- Every row of the waterfall closes, and opens with what its segment closed the month before.
with months as (

    select
        *,
        coalesce(lag(deals_closing) over segment_course, 0) as deals_before,
        coalesce(lag(amount_closing) over segment_course, 0) as amount_before
    from {{ ref('pipeline_waterfall') }}
    window segment_course as (partition by segment_type, segment order by month)

)

select * from months
where
    deals_opening <> deals_before
    or amount_opening <> amount_before
    or deals_closing
    <> deals_opening + deals_created + deals_reopened - deals_won - deals_lost + deals_moved_in - deals_moved_out
    or amount_closing
    <> amount_opening + amount_created + amount_reopened - amount_won - amount_lost + amount_changed
    + amount_moved_in - amount_moved_out
    or (segment_type <> 'close_month' and (deals_moved_in <> deals_moved_out or amount_moved_in <> amount_moved_out))
