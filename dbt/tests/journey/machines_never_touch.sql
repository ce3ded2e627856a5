-- What a scanner or prefetcher did is never a touch.
select event_key from {{ ref('fct_journey_events') }}
where is_automated and is_touch
