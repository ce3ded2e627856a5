"""What holds for all tests."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first: whoever starts a file of minutes last, waits for it alone."""
    items.sort(key=lambda item: "/end_to_end/" not in item.nodeid)
