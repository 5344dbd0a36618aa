"""What TF_CONFIG says, and how the workers of a training find each other and notice a loss, over real sockets."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

import edgeready
from edgeready.config.build import BuildConfig, DataConfig, OutputConfig
from edgeready.config.devices import DevicesConfig
from edgeready.config.worker_group import WorkerGroup, address_of, read_group
from edgeready.errors import SurroundingsError, TrainingError, UsageError
from edgeready.jobs import rendezvous
from edgeready.jobs.rendezvous import meet
from edgeready.workflows.training_group import check_group
from edgeready_device.progress import no_progress

SHAPE = '{"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task": {"type": "worker", "index": 0}}'
WORKERS = ["a:1", "b:2"]


def config(cluster, kind="worker", index=0):
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize(
    ("text", "workers", "index"),
    [
        (config({"worker": WORKERS}, index=1), ("a:1", "b:2"), 1),
        (config({"worker": WORKERS, "chief": ["c:3"]}, index=0), ("c:3", "a:1", "b:2"), 1),
        (config({"chief": ["c:3"], "worker": WORKERS}, "chief"), ("c:3", "a:1", "b:2"), 0),
        (config({"worker": ["[::1]:5", "10.0.0.1:65535"]}, index="1"), ("[::1]:5", "10.0.0.1:65535"), 1),
    ],
)
def test_the_workers_are_read_with_the_chief_first(text, workers, index):
    group = read_group(text)
    assert group == WorkerGroup(workers=workers, index=index)
    assert group.is_chief == (index == 0)


@pytest.mark.parametrize("text", [None, "", "  \n", config({"worker": ["a:1"]}), config({"chief": ["a:1"]}, "chief")])
def test_without_other_workers_a_machine_trains_alone(text):
    assert read_group(text) is None


def test_an_address_is_a_host_and_a_port():
    assert [address_of(text) for text in ("a.b:1", "[::1]:22")] == [("a.b", 1), ("::1", 22)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{",
            "TF_CONFIG is no JSON (Expecting property name enclosed ... --debug shows all): write "
            f"{SHAPE}, or unset it",
        ),
        ("[]", f"TF_CONFIG names no cluster: write {SHAPE}, or unset it"),
        ("7", f"TF_CONFIG names no cluster: write {SHAPE}, or unset it"),
        ("{}", f"TF_CONFIG names no cluster: write {SHAPE}, or unset it"),
        ('{"cluster": []}', f"TF_CONFIG names no cluster: write {SHAPE}, or unset it"),
        (
            config({"worker": WORKERS, "ps": ["c:3"]}),
            "TF_CONFIG has 'ps' in its cluster: leave it out, chief and worker are all",
        ),
        (config({"worker": "a:1"}), 'TF_CONFIG has no list of addresses for worker: write "worker": ["HOST:PORT"]'),
        (config({"worker": []}), 'TF_CONFIG has no list of addresses for worker: write "worker": ["HOST:PORT"]'),
        (config({"worker": ["a"]}), "TF_CONFIG has the worker 'a': write HOST:PORT, as 10.0.0.1:12345"),
        (config({"worker": ["a:0"]}), "TF_CONFIG has the worker 'a:0': write HOST:PORT, as 10.0.0.1:12345"),
        (config({"worker": ["a:65536"]}), "TF_CONFIG has the worker 'a:65536': write HOST:PORT, as 10.0.0.1:12345"),
        (config({"worker": [5]}), "TF_CONFIG has the worker 5: write HOST:PORT, as 10.0.0.1:12345"),
        (
            config({"worker": ["http://a:1"]}),
            "TF_CONFIG has the worker 'http://a:1': write HOST:PORT, as 10.0.0.1:12345",
        ),
        (config({"chief": WORKERS}, "chief"), "TF_CONFIG has 2 chiefs: name one, and the others as worker"),
        (config({"worker": ["a:1", "a:1"]}), "TF_CONFIG has a:1 twice: give each worker a port of its own"),
        (
            config({"worker": WORKERS}, index=2),
            "TF_CONFIG gives this worker the index 2 of 2: write a number from 0 to 1",
        ),
        (
            config({"worker": WORKERS}, index=-1),
            "TF_CONFIG gives this worker the index -1 of 2: write a number from 0 to 1",
        ),
        (
            config({"worker": WORKERS}, index=True),
            "TF_CONFIG gives this worker the index True of 2: write a number from 0 to 1",
        ),
        (
            config({"worker": WORKERS}, index=None),
            "TF_CONFIG gives this worker the index None of 2: write a number from 0 to 1",
        ),
        (config({"worker": ["a:1"]}, index=1), "TF_CONFIG gives this worker the index 1 of 1: write 0"),
        (
            json.dumps({"cluster": {"worker": WORKERS}}),
            'TF_CONFIG does not say which worker this is: write "task": {"type": "worker", "index": 0}',
        ),
        (
            config({"worker": WORKERS}, "chief"),
            'TF_CONFIG does not say which worker this is: write "task": {"type": "worker", "index": 0}',
        ),
        (
            config({"worker": WORKERS}, ["worker"]),
            'TF_CONFIG does not say which worker this is: write "task": {"type": "worker", "index": 0}',
        ),
    ],
)
def test_what_names_no_group_is_refused_in_one_line(text, message):
    with pytest.raises(UsageError) as error:
        read_group(text)
    assert str(error.value) == message


def test_the_command_refuses_it_with_its_exit_code(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "edgeready", "build", "digits", "--out", str(tmp_path / "m.tflite")],
        env={**os.environ, "TF_CONFIG": "{}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"edgeready: TF_CONFIG names no cluster: write {SHAPE}, or unset it\n"
    assert list(tmp_path.iterdir()) == []


def test_python_code_is_sent_to_the_command(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", config({"worker": WORKERS}))
    with pytest.raises(UsageError) as error:
        edgeready.build("digits")
    assert str(error.value) == (
        "TF_CONFIG names several workers, which the command `edgeready build` trains on: unset it to train here"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"output": OutputConfig(resume=True)},
            "--resume goes on on one machine, and TF_CONFIG names several: leave one of the two out",
        ),
        (
            {"devices": DevicesConfig(devices="cpu:2")},
            "--devices cpu:2 is for one machine, and TF_CONFIG names several: leave it out",
        ),
    ],
)
def test_what_several_machines_do_not_have_is_refused(options, message):
    asked = BuildConfig(data=DataConfig(source="digits"), model="tutorial-cnn", **options)
    check_group(asked, None)
    with pytest.raises(UsageError) as error:
        check_group(asked, WorkerGroup(workers=("a:1", "b:2"), index=1))
    assert str(error.value) == message


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 86_401])
def test_a_wait_that_cannot_be_meant_is_refused(seconds):
    with pytest.raises(UsageError) as error:
        DevicesConfig(worker_wait=seconds)
    assert str(error.value) == f"--worker-wait is {seconds:g}: give seconds above 0 and up to 86400"


@pytest.fixture
def group():
    """A group of two on this machine, at ports that are free."""
    with ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        workers = tuple(f"127.0.0.1:{server.getsockname()[1]}" for server in servers)
    return [WorkerGroup(workers=workers, index=index) for index in range(2)]


def take_part(group, identity, work, limit=5.0):
    """What became of a worker whose work is a function of its fellows: what it returned or raised."""
    try:
        with meet(group, identity, limit, no_progress) as fellows:
            return work(fellows)
    except Exception as error:  # noqa: BLE001  (the tests look at its class)
        return error


def gather(groups, identities, works, limit=5.0):
    """What became of each worker."""
    with ThreadPoolExecutor(len(groups)) as pool:
        return list(pool.map(take_part, groups, identities, works, [limit] * len(groups)))


SAME = [{"--epochs": "3"}] * 2


def test_workers_with_the_same_weights_end_well(group):
    works = [lambda fellows: fellows.check("ab"), lambda fellows: fellows.finish("ab")]
    assert gather(group, SAME, works) == [None, None]


def test_a_worker_with_other_weights_is_named(group):
    works = [lambda fellows: fellows.check("ab"), lambda fellows: fellows.finish("ac")]
    chief, worker = gather(group, SAME, works)
    assert isinstance(chief, TrainingError)
    assert str(chief) == (
        f"worker 1 ({group[1].workers[1]}) came to other weights than the chief: use the same hardware and the same "
        "versions of TensorFlow everywhere, or train on one machine"
    )
    assert worker is None


def test_a_worker_that_ends_later_is_waited_for(group, monkeypatch):
    monkeypatch.setattr(rendezvous, "_HELLO_S", 0.5)

    def finish_late(fellows):
        time.sleep(1.5)
        fellows.finish("ab")

    assert gather(group, SAME, [lambda fellows: fellows.check("ab"), finish_late]) == [None, None]


def test_workers_that_train_something_else_are_refused_on_both_sides(group):
    identities = [{"--epochs": "3", "the training images": "a"}, {"--epochs": "4", "the training images": "b"}]
    chief, worker = gather(group, identities, [lambda fellows: None] * 2)
    assert [type(error) for error in (chief, worker)] == [TrainingError] * 2
    assert str(chief) == str(worker)
    assert str(chief) == (
        f"worker 1 ({group[1].workers[1]}) trains something else than the chief, in --epochs, the training "
        "images: give all the same command and data"
    )


def test_a_worker_that_gives_up_says_why(group):
    def fail(fellows):
        raise TrainingError("the loss is nan")

    chief, _ = gather(group, SAME, [lambda fellows: fellows.raise_loss(), fail])
    assert isinstance(chief, TrainingError)
    assert str(chief) == (f"worker 1 ({group[1].workers[1]}) gave up: the loss is nan; start all workers again")


@pytest.mark.parametrize(("survivor", "name"), [(0, "worker 1"), (1, "the chief")])
def test_a_lost_worker_ends_the_child_of_the_other(group, survivor, name):
    def work(fellows):
        child = subprocess.Popen(["sleep", "60"])
        fellows.guard(child)
        begin = time.monotonic()
        code = child.wait()
        assert time.monotonic() - begin < 3
        with pytest.raises(TrainingError) as error:
            fellows.raise_loss()
        return code, str(error.value)

    def vanish(fellows):
        for connection in fellows.sockets.values():
            connection.shutdown(socket.SHUT_RDWR)  # as the end of a process does

    works = [work, vanish] if survivor == 0 else [vanish, work]
    code, text = gather(group, SAME, works)[survivor]
    assert code == -9
    assert text == (
        f"{name} ({group[0].workers[1 - survivor]}) is lost: its process or its machine ended in the training; start "
        "all workers again"
    )


def test_a_chief_that_does_not_answer_is_named(group):
    (error,) = gather(group[1:], SAME[1:], [lambda fellows: None], limit=0.5)
    assert isinstance(error, TrainingError)
    assert str(error) == (
        f"the chief ({group[0].chief}) does not answer within 0.5 s (Connection refused): start the same command "
        "there, or mend its address in TF_CONFIG"
    )


def test_a_worker_that_does_not_come_is_named(group):
    (error,) = gather(group[:1], SAME[:1], [lambda fellows: None], limit=0.5)
    assert isinstance(error, TrainingError)
    assert str(error) == (
        f"worker 1 ({group[0].workers[1]}) did not come within 0.5 s: start the same command there, or wait longer "
        "with --worker-wait"
    )


@pytest.mark.parametrize("index", [0, 1])
def test_a_port_in_use_is_named(group, index):
    host, port = address_of(group[index].workers[index])
    with socket.create_server((host, port)):
        (error,) = gather([group[index]], SAME[:1], [lambda fellows: None], limit=0.5)
    assert isinstance(error, SurroundingsError)
    assert str(error) == f"port {port} of TF_CONFIG is in use here: end what listens there, or give another port"


@pytest.mark.parametrize("words", [b"", b"GET / HTTP/1.1\r\n\r\n", b'{"edgeready training": 7}\n', b"\xff\n"])
def test_strangers_at_the_chiefs_port_are_let_go(group, words):
    def knock():
        while True:
            try:
                with socket.create_connection(address_of(group[0].chief), timeout=5) as stranger:
                    stranger.sendall(words)
                    stranger.shutdown(socket.SHUT_WR)
                    return stranger.recv(100)
            except ConnectionRefusedError:
                time.sleep(0.01)  # the chief is not there yet

    with ThreadPoolExecutor(2) as pool:
        chief = pool.submit(take_part, group[0], SAME[0], lambda fellows: fellows.check("ab"))
        assert knock() == b""
        worker = pool.submit(take_part, group[1], SAME[1], lambda fellows: fellows.finish("ab"))
        assert [chief.result(), worker.result()] == [None, None]
