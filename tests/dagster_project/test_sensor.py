"""Who hears of a failure, and what they hear."""

from __future__ import annotations

import dagster as dg
import pytest

from dagster_project import jobs
from dagster_project.jobs import STARTED_BY_COMMAND, tell_of_failures


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    messages: list[tuple[str, str]] = []
    monkeypatch.setattr(jobs, "notify", lambda settings, title, text: messages.append((title, text)))
    return messages


def failed_context(tags: dict[str, str]) -> tuple[dg.DagsterInstance, dg.RunFailureSensorContext]:
    @dg.op
    def refuse():
        try:
            raise PermissionError("the key may not read owners")
        except PermissionError as error:
            raise dg.Failure("hubspot owners: the key may not read owners (HTTP 403)", allow_retries=False) from error

    @dg.job
    def nightly():
        refuse()

    instance = dg.DagsterInstance.ephemeral()
    result = nightly.execute_in_process(instance=instance, raise_on_error=False, tags=tags)
    failure = next(event for event in result.all_events if event.event_type_value == "PIPELINE_FAILURE")
    context = dg.build_run_status_sensor_context(
        sensor_name="tell_of_failures", dagster_instance=instance, dagster_run=result.dagster_run, dagster_event=failure
    )
    return instance, context.for_run_failure()


def test_the_reason_is_one_line_in_our_own_words(told):
    _, context = failed_context({})
    tell_of_failures(context)
    assert told == [("nightly failed", "hubspot owners: the key may not read owners (HTTP 403)")]


@pytest.mark.parametrize("tags", [{"dagster/will_retry": "true"}, {STARTED_BY_COMMAND: "refresh"}])
def test_it_is_silent_before_a_retry_and_where_the_command_tells(told, tags: dict[str, str]):
    _, context = failed_context(tags)
    tell_of_failures(context)
    assert told == []
