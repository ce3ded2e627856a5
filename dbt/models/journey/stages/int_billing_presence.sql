-- grain: one row: whether billing is read, and has ever moved any MRR
-- Stage signals ask for no more, and stand on a night that brings movements.
{{ config(schema='staging') }}

select count(movement_key) > 0 as is_billed from {{ ref('fct_mrr_movements') }}
