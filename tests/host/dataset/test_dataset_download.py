import signal
import subprocess
import sys
import time

import pytest

from edgeready.dataset import download as module
from edgeready.dataset.download import BASE_URLS, Download, download
from edgeready.errors import DatasetError, NotFoundError, OutputError

BODY = bytes(range(256)) * 1000
ITEM = Download(base="keras", file="set.bin", target="set.bin", max_bytes=len(BODY))


@pytest.fixture
def site(server, monkeypatch):
    """The server, asked in place of Keras' own; it has set.bin."""
    monkeypatch.setitem(BASE_URLS, "keras", server.url)
    server.answers["set.bin"] = server.answer(BODY)
    return server


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_file_arrives_whole_in_a_new_folder(site, tmp_path):
    download(ITEM, tmp_path / "a" / "b" / "set.bin")
    assert (tmp_path / "a" / "b" / "set.bin").read_bytes() == BODY
    assert files(tmp_path / "a" / "b") == ["set.bin"]


def test_progress_counts_the_bytes_up_to_all(site, tmp_path):
    calls = []
    download(ITEM, tmp_path / "set.bin", lambda label, done, total: calls.append((done, total)))
    assert calls[-1] == (256_000, 256_000)
    assert sorted(calls) == calls
    assert len(calls) == 4


def test_without_a_stated_length_the_total_is_0(site, tmp_path):
    site.answers["set.bin"] = site.answer(BODY, length=-1)
    calls = []
    download(ITEM, tmp_path / "set.bin", lambda label, done, total: calls.append((done, total)))
    assert calls[-1] == (256_000, 0)
    assert (tmp_path / "set.bin").read_bytes() == BODY


def test_a_redirect_is_followed(site, tmp_path):
    site.answers["set.bin"] = site.answer(status=302, location="/elsewhere.bin")
    site.answers["elsewhere.bin"] = site.answer(BODY)
    download(ITEM, tmp_path / "set.bin")
    assert (tmp_path / "set.bin").read_bytes() == BODY


def test_a_redirect_away_from_https_is_refused(site, tmp_path):
    site.answers["set.bin"] = site.answer(status=302, location="http://example.invalid/set.bin")
    with pytest.raises(DatasetError, match=r"http://example\.invalid/set\.bin is not https"):
        download(ITEM, tmp_path / "set.bin")
    assert files(tmp_path) == []


@pytest.mark.parametrize("base", ["http://example.invalid/", "ftp://127.0.0.1/", "file:///"])
def test_an_address_that_is_not_https_is_refused(monkeypatch, tmp_path, base):
    monkeypatch.setitem(BASE_URLS, "keras", base)
    with pytest.raises(DatasetError, match=f"{base}set.bin is not https: data sets are fetched over https"):
        download(ITEM, tmp_path / "set.bin")


def test_a_body_that_breaks_off_leaves_nothing(site, tmp_path):
    site.answers["set.bin"] = site.answer(BODY[:100_000], length=len(BODY))
    with pytest.raises(NotFoundError, match=r"set\.bin broke off after 100000 of 256000 bytes: try again"):
        download(ITEM, tmp_path / "set.bin")
    assert files(tmp_path) == []


def test_a_file_that_is_not_there_is_named_with_the_status(site, tmp_path):
    with pytest.raises(NotFoundError, match=r"/nothing\.bin cannot be fetched \(404 Not Found\): try again"):
        download(
            Download(base="keras", file="nothing.bin", target="nothing.bin", max_bytes=10), tmp_path / "nothing.bin"
        )
    assert files(tmp_path) == []


@pytest.mark.parametrize("length", [len(BODY), -1], ids=["stated", "not stated"])
def test_a_file_that_is_too_large_leaves_nothing(site, tmp_path, length):
    site.answers["set.bin"] = site.answer(BODY, length=length)
    with pytest.raises(DatasetError, match=r"set\.bin has \d+ bytes or more, over the 255999 expected at most"):
        download(
            Download(base="keras", file="set.bin", target="set.bin", max_bytes=len(BODY) - 1), tmp_path / "set.bin"
        )
    assert files(tmp_path) == []


def test_a_file_that_is_stated_to_be_too_large_is_not_fetched(site, tmp_path):
    site.answers["set.bin"] = site.answer(BODY[:10], length=9_000_000)
    with pytest.raises(DatasetError, match=r"set\.bin has 9000000 bytes or more, over the 256000 expected at most"):
        download(ITEM, tmp_path / "set.bin")
    assert files(tmp_path) == []


def test_a_server_that_is_not_there_is_not_found(server, monkeypatch, tmp_path):
    monkeypatch.setitem(BASE_URLS, "keras", "http://127.0.0.1:9/")
    with pytest.raises(NotFoundError, match=r"http://127\.0\.0\.1:9/set\.bin cannot be fetched \(.*refused\)"):
        download(ITEM, tmp_path / "set.bin")
    assert files(tmp_path) == []


def test_a_server_that_falls_silent_is_given_up(site, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "TIMEOUT_S", 0.2)
    site.answers["set.bin"] = site.answer(BODY[:1000], length=len(BODY), stalls=True)
    with pytest.raises(NotFoundError, match=r"set\.bin cannot be fetched \(timed out\): try again"):
        download(ITEM, tmp_path / "set.bin")
    assert files(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_an_output_error(site, tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(OutputError, match=r"cannot write '.*set\.bin' \(.*\): choose another folder"):
        download(ITEM, tmp_path / "taken" / "set.bin")


IN_ANOTHER_PROCESS = """
import resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job of a shell's background starts with it ignored
from edgeready.dataset.download import BASE_URLS, Download, download
from edgeready.errors import OutputError
BASE_URLS["keras"] = sys.argv[1]
if sys.argv[3:]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    item = Download(base="keras", file="set.bin", target="set.bin", max_bytes=1000000)
    download(item, Path(sys.argv[2]) / "set.bin")
except OutputError as error:
    print(error)
"""


def test_a_disk_that_takes_no_more_is_an_output_error_and_nothing_is_left(site, tmp_path):
    # A limit on the size of files stands for a full disk: the write itself fails, half-way.
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, site.url, str(tmp_path), "100000"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert shown == f"cannot write {str(tmp_path / 'set.bin')!r} (File too large): free some space\n"
    assert files(tmp_path) == []


def interrupted(site, folder, number):
    """Starts a download in another process, and sends it the signal when half of the body has arrived."""
    site.answers["set.bin"] = site.answer(BODY[:200_000], length=len(BODY), stalls=True)
    process = subprocess.Popen(
        [sys.executable, "-c", IN_ANOTHER_PROCESS, site.url, str(folder)], stderr=subprocess.PIPE
    )
    assert site.stalled.wait(20)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not any(path.stat().st_size for path in folder.iterdir()):
        time.sleep(0.01)
    assert [path.suffix for path in folder.iterdir()] == [".part"]
    process.send_signal(number)
    process.communicate(timeout=20)
    site.answers["set.bin"] = site.answer(BODY)


def test_an_interrupted_download_leaves_nothing(site, tmp_path):
    interrupted(site, tmp_path, signal.SIGINT)
    assert files(tmp_path) == []


def test_a_killed_download_leaves_no_file_of_that_name_and_the_next_one_sweeps_up(site, tmp_path):
    interrupted(site, tmp_path, signal.SIGKILL)
    (leftover,) = tmp_path.iterdir()
    assert leftover.name.startswith(".set.bin.")
    download(ITEM, tmp_path / "set.bin")
    assert (tmp_path / "set.bin").read_bytes() == BODY
    assert files(tmp_path) == ["set.bin"]
