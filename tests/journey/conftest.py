"""The dbt warehouses of `tests/dbt`, for the journey's own tests."""

from tests.dbt.conftest import _dbt_target, dbt, dbt_module

__all__ = ["_dbt_target", "dbt", "dbt_module"]
