"""The writer lock, between real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from warehouse.lock import WriterBusy, current_holder, writer_lock

HOLD = (
    "import sys, time; from pathlib import Path; from warehouse.lock import writer_lock\n"
    "with writer_lock(Path(sys.argv[1]), 'a long refresh'):\n    print('held', flush=True); time.sleep(60)"
)


@pytest.fixture
def holder(tmp_path: Path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline().strip() == "held"
    yield process
    process.kill()
    process.wait()


def test_a_second_writer_is_refused_and_told_who_writes(tmp_path: Path, holder):
    with pytest.raises(WriterBusy) as refused, writer_lock(tmp_path):
        pass
    assert str(holder.pid) in str(refused.value) and "a long refresh" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert current_holder(tmp_path).pid == holder.pid


def test_the_lock_dies_with_its_holder(tmp_path: Path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert current_holder(tmp_path) is None
    with writer_lock(tmp_path):
        assert current_holder(tmp_path).pid == os.getpid()
    assert current_holder(tmp_path) is None


def test_a_process_may_take_it_again_within(tmp_path: Path):
    with writer_lock(tmp_path):
        with writer_lock(tmp_path):
            pass
        assert current_holder(tmp_path) is not None
    assert current_holder(tmp_path) is None


def test_a_process_that_it_starts_does_not_keep_it(tmp_path: Path):
    with writer_lock(tmp_path):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    try:
        assert current_holder(tmp_path) is None
        with writer_lock(tmp_path):
            pass
    finally:
        child.kill()
        child.wait()


def test_looking_makes_nothing(tmp_path: Path):
    assert current_holder(tmp_path / "nowhere") is None
    assert not (tmp_path / "nowhere").exists()
