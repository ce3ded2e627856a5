{#- The newest version of each id in a raw stream, as a derived table: of the versions extracted up to the run's instant,
    the greatest by (modified_at, extracted_at, _dlt_load_id). Adds `first_extracted_at`, when the id was first seen.
    Only ids with more than one version are ranked, and those are found by a 64-bit hash: ranking all rows of a big
    stream does not fit in memory, and neither do their ids. -#}
{% macro newest_versions(relation) -%}
(
    with contested as (

        select {{ hash64('id') }} as id_hash
        from {{ relation }}
        where extracted_at <= {{ as_of_instant() }}
        group by {{ hash64('id') }}
        having count(*) > 1

    ),

    ranked as (

        select
            versions.id,
            versions.version_hash,
            min(versions.extracted_at) over (partition by versions.id) as first_extracted_at,
            row_number() over (
                partition by versions.id
                order by
                    versions.modified_at desc nulls last,
                    versions.extracted_at desc,
                    versions._dlt_load_id desc,
                    versions.version_hash desc
            ) as age_rank
        from {{ relation }} as versions
        inner join contested on {{ hash64('versions.id') }} = contested.id_hash
        where versions.extracted_at <= {{ as_of_instant() }}

    )

    select
        versions.*,
        coalesce(ranked.first_extracted_at, versions.extracted_at) as first_extracted_at
    from {{ relation }} as versions
    left join ranked on versions.id = ranked.id and versions.version_hash = ranked.version_hash
    where
        versions.extracted_at <= {{ as_of_instant() }}
        and coalesce(ranked.age_rank, 1) = 1
)
{%- endmacro %}

{#- The same of those ids only that were first seen in a month in which an id with a version extracted after `since` (a UTC
    timestamp) was first seen: what an incremental model by month of `first_extracted_at` has to replace. An id never
    changes that month, and the versions of the ids of a month begin with it, so older ones are looked up but not read. -#}
{% macro newest_versions_since(relation, since) -%}
(
    with news as (

        select distinct {{ hash64('id') }} as id_hash
        from {{ relation }}
        where {{ utc('extracted_at') }} > {{ since }} and extracted_at <= {{ as_of_instant() }}

    ),

    months as (

        select distinct {{ month_of(utc('first_seen.extracted_at')) }} as month
        from (
            select min(versions.extracted_at) as extracted_at
            from {{ relation }} as versions
            inner join news on {{ hash64('versions.id') }} = news.id_hash
            group by versions.id
        ) as first_seen

    ),

    beginning as (

        select min(month) as month from months

    ),

    recent as (

        select versions.*
        from {{ relation }} as versions
        inner join beginning on {{ utc('versions.extracted_at') }} >= cast(beginning.month as timestamp)

    ),

    older as (

        select distinct versions.id
        from {{ relation }} as versions
        inner join beginning on {{ utc('versions.extracted_at') }} < cast(beginning.month as timestamp)
        where versions.id in (select id from recent)

    ),

    kept as (

        select recent.*
        from recent
        left join older on recent.id = older.id
        where older.id is null

    )

    select newest.*
    from {{ newest_versions('kept') }} as newest
    where {{ month_of(utc('newest.first_extracted_at')) }} in (select month from months)
)
{%- endmacro %}
