"""The dbt project on given rows, as the tests of the models have it."""

from tests.dbt.conftest import _dbt_target, dbt, dbt_module  # noqa: F401
