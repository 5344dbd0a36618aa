from __future__ import annotations

import os
import stat
from dataclasses import replace

import pytest

from edgeready_device import run_records
from edgeready_device.run_records import RunKey, has_run, record_run

KEY = RunKey("0" * 64, "ai-edge-litert 2.3.0")


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """The cache folder of this test, which does not exist yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def records(cache):
    """The folder of the records, with one."""
    record_run(KEY)
    return cache / "edgeready" / "runs"


def test_what_was_recorded_has_run_and_nothing_else(cache):
    assert not has_run(KEY)
    assert not cache.exists()  # a question makes no folder
    record_run(KEY)
    record_run(KEY)
    assert has_run(KEY)
    others = {
        "sha256": "1" * 64,
        "runtime": "ai-edge-litert 2.4.0",
        "kernels": "reference",
        "threads": 2,
        "delegate": "a",
    }
    assert [name for name, value in others.items() if has_run(replace(KEY, **{name: value}))] == []


def test_a_record_is_an_empty_file_of_the_user_alone(records):
    (record,) = records.iterdir()
    assert (record.name, record.read_bytes()) == (KEY.name, b"")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (record, records, records.parent)] == [0o600, 0o700, 0o700]


@pytest.mark.parametrize("folder", ["runs", "edgeready"])
@pytest.mark.parametrize("bits", [0o020, 0o002])
def test_a_folder_that_others_can_write_holds_no_records(records, folder, bits):
    place = records if folder == "runs" else records.parent
    place.chmod(0o700 | bits)
    assert not has_run(KEY)
    record_run(replace(KEY, threads=2))
    assert len(list(records.iterdir())) == 1


def test_a_folder_of_another_user_holds_no_records(records, monkeypatch):
    monkeypatch.setattr(run_records.os, "geteuid", lambda: 4711)
    assert not has_run(KEY)


def test_a_link_is_no_record_and_no_folder_of_records(records, tmp_path):
    (record,) = records.iterdir()
    record.unlink()
    (tmp_path / "empty").write_bytes(b"")
    record.symlink_to(tmp_path / "empty")
    assert not has_run(KEY)
    record.unlink()
    record_run(KEY)
    records.rename(tmp_path / "elsewhere")
    records.symlink_to(tmp_path / "elsewhere")
    assert not has_run(KEY)


def test_a_folder_in_the_place_of_a_record_is_none(records):
    (record,) = records.iterdir()
    record.unlink()
    record.mkdir()
    assert not has_run(KEY)
    record_run(KEY)  # and it is left alone
    assert record.is_dir()


def test_the_oldest_records_go_where_there_are_too_many(records, monkeypatch):
    monkeypatch.setattr(run_records, "_MOST_RECORDS", 4)
    monkeypatch.setattr(run_records, "_KEPT_RECORDS", 2)
    keys = [replace(KEY, threads=number) for number in range(2, 6)]
    for age, key in enumerate([KEY, *keys]):
        record_run(key)
        os.utime(records / key.name, (1000 + age, 1000 + age))
    record_run(replace(KEY, threads=6))
    assert [key.threads for key in [KEY, *keys, replace(KEY, threads=6)] if has_run(key)] == [4, 5, 6]
    assert len(list(records.iterdir())) == 3


def test_no_home_no_space_and_no_right_to_write_are_no_error(monkeypatch, cache):
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # which the specification ignores
    monkeypatch.setattr(run_records.Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    record_run(KEY)
    assert not has_run(KEY)
    cache.write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    record_run(KEY)
    assert not has_run(KEY)


def test_another_machine_with_the_same_home_has_run_nothing(records, monkeypatch, tmp_path):
    assert has_run(KEY)
    (tmp_path / "id").write_text("another\n")
    monkeypatch.setattr(run_records, "_MACHINE_ID", tmp_path / "id")
    assert not has_run(KEY)
