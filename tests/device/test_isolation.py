from __future__ import annotations

import time

import pytest

from edgeready_device.isolation.child import MEANINGS, ChildExit, run_child


def test_work_that_ends_well_hands_back_what_it_wrote():
    ended = run_child(["-c", "import sys; print('out'); sys.stderr.write('err')"], timeout_s=20)
    assert ended == ChildExit(0, "", False, "out\n", "err")
    assert ended.succeeded


def test_standard_input_and_environment_reach_the_child():
    code = "import os, sys; print(sys.stdin.read() + os.environ['EDGEREADY_TEST'])"
    ended = run_child(["-c", code], timeout_s=20, environment={"EDGEREADY_TEST": "b"}, stdin=b"a")
    assert ended.output == "ab\n"


def test_an_exit_code_is_kept():
    ended = run_child(["-c", "raise SystemExit(7)"], timeout_s=20)
    assert (ended.succeeded, ended.code, ended.sentence) == (False, 7, "it ended with exit code 7")


@pytest.mark.parametrize("name", ["SIGILL", "SIGSEGV", "SIGBUS", "SIGFPE", "SIGABRT", "SIGKILL"])
def test_a_signal_is_named_with_its_meaning(name):
    ended = run_child(["-c", f"import os, signal; os.kill(os.getpid(), signal.{name})"], timeout_s=20)
    assert (ended.code, ended.signal, ended.succeeded) == (None, name, False)
    assert ended.sentence == f"it was ended by {name} ({MEANINGS[name]})"


def test_a_real_time_signal_has_no_name_and_is_still_told():
    ended = run_child(["-c", "import os; os.kill(os.getpid(), 40)"], timeout_s=20)
    assert ended.sentence == "it was ended by signal 40 (a signal)"


def test_work_that_hangs_is_ended_together_with_what_it_started():
    code = "import subprocess, sys, time; sleep = 'import time; time.sleep(60)'; "
    code += "subprocess.Popen([sys.executable, '-c', sleep]); time.sleep(60)"
    started = time.monotonic()
    ended = run_child(["-c", code], timeout_s=1.5)
    assert time.monotonic() - started < 20  # the grandchild holds the pipe: were it alive, this would wait for it
    assert (ended.timed_out, ended.code, ended.sentence) == (True, None, "it did not end within the time limit")
