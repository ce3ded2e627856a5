"""What holds for all tests."""

import pytest

LONG = ("/end_to_end/", "/scenarios/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first: whoever starts a file of minutes last, waits for it alone."""
    items.sort(key=lambda item: not any(folder in item.nodeid for folder in LONG))
