-- grain: one host of the company's own sites; pages are tracked there alone
{{ config(schema='staging', meta=timed({'stg_encharge__events': has_come('occurred_at')})) }}

select distinct {{ url_host('url') }} as host
from {{ ref('stg_encharge__events') }}
where
    event_type in ('pageVisited', 'formSubmitted') and {{ url_host('url') }} is not null
    and not is_deleted and occurred_at <= {{ as_of() }}
