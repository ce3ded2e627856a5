-- grain: one Stripe customer, in its newest version at the run's instant; those that are only billed to any more as well
{{ config(meta=carried(
    by='customer_id',
    keyed={'stripe.customers': 'id', 'stripe.invoices': 'customer_id', 'stripe.subscriptions': 'customer_id'},
    due={}
)) }}

with versions as (

    select * from {{ newest_versions(raw('stripe', 'customers')) }} as newest

),

-- no list holds a customer that was deleted before the first extraction; its invoices and subscriptions still name it
mentions as (

    select
        customer_id,
        currency,
        created_at,
        modified_at,
        extracted_at
    from {{ raw('stripe', 'invoices') }}
    where extracted_at <= {{ as_of_instant() }} and customer_id is not null

    union all

    select
        customer_id,
        currency,
        created_at,
        modified_at,
        extracted_at
    from {{ raw('stripe', 'subscriptions') }}
    where extracted_at <= {{ as_of_instant() }} and customer_id is not null

),

mentioned as (

    select
        customer_id as id,
        max(currency) as currency,
        min(created_at) as created_at,
        max(modified_at) as modified_at,
        min(extracted_at) as extracted_at
    from mentions
    group by customer_id

),

lost as (

    select mentioned.*
    from mentioned
    where not exists (select 1 from versions where versions.id = mentioned.id)

),

names as (

    select
        lost.id,
        max({{ json_text('invoices.payload', 'customer_email') }}) as email,
        max({{ json_text('invoices.payload', 'customer_name') }}) as name
    from lost
    inner join {{ raw('stripe', 'invoices') }} as invoices on lost.id = invoices.customer_id
    group by lost.id

),

renamed as (

    select
        id as customer_id,
        email,
        name,
        description,
        country,
        upper(currency) as currency,
        hubspot_company_id,
        metadata,
        balance as balance_minor,
        {{ from_minor('balance', 'currency') }} as balance,
        {{ utc('created_at') }} as created_at,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

    union all

    select
        lost.id as customer_id,
        names.email,
        names.name,
        cast(null as string) as description,
        cast(null as string) as country,
        upper(lost.currency) as currency,
        cast(null as string) as hubspot_company_id,
        cast(null as string) as metadata,
        cast(null as bigint) as balance_minor,
        cast(null as decimal(18, 4)) as balance,
        {{ utc('lost.created_at') }} as created_at,
        true as is_deleted,
        {{ utc('lost.modified_at') }} as modified_at,
        {{ utc('lost.extracted_at') }} as extracted_at,
        {{ utc('lost.extracted_at') }} as first_extracted_at,
        cast(null as string) as payload
    from lost
    left join names on lost.id = names.id

)

select * from renamed
