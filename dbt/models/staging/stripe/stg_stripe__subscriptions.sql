-- grain: one subscription, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('stripe', 'subscriptions')) }} as newest

),

renamed as (

    select
        id as subscription_id,
        customer_id,
        status,
        upper(currency) as currency,
        collection_method,
        {{ utc('created_at') }} as created_at,
        {{ utc('start_at') }} as start_at,
        {{ utc('trial_start_at') }} as trial_start_at,
        {{ utc('trial_end_at') }} as trial_end_at,
        {{ utc('current_period_start_at') }} as current_period_start_at,
        {{ utc('current_period_end_at') }} as current_period_end_at,
        {{ utc('cancel_at') }} as cancel_at,
        {{ utc('canceled_at') }} as canceled_at,
        cancel_at_period_end,
        {{ utc('ended_at') }} as ended_at,
        pause_behavior,
        {{ utc('pause_resumes_at') }} as pause_resumes_at,
        discount_ids,
        cancellation_reason,
        cancellation_feedback,
        metadata,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
