import dataclasses
import errno
import gzip
import io
import os
import pickle
import struct
import subprocess
import sys
import tarfile

import numpy as np
import pytest

from edgeready.config.extras import install_command
from edgeready.dataset import load_splits
from edgeready.dataset.cifar import TEST_BATCH, TRAIN_BATCHES, read_cifar10
from edgeready.dataset.download import BASE_URLS
from edgeready.dataset.idx import read_idx
from edgeready.dataset.named import NAMED_SETS, arrays_sha256
from edgeready.errors import DatasetError, NotFoundError, OutputError, UsageError

REAL = os.environ.get("EDGEREADY_DATA")
NPZ = {"mnist": "mnist.npz", "fashion-mnist": "fashion_mnist.npz", "cifar10": "cifar10.npz"}
FASHION = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch, server):
    """An empty Keras cache, no EDGEREADY_DATA, and the server in place of the real ones."""
    monkeypatch.delenv("EDGEREADY_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for base in BASE_URLS:
        monkeypatch.setitem(BASE_URLS, base, server.url)
    return tmp_path / "keras" / "datasets"


@pytest.fixture
def small(monkeypatch):
    """Arrays of a small set in place of the named one, whose checksum becomes theirs."""

    def make(name):
        rng = np.random.default_rng(7)
        size = (32, 32, 3) if name == "cifar10" else (28, 28)
        arrays = {}
        for part, count in (("train", 50), ("test", 10)):
            arrays[f"x_{part}"] = rng.integers(0, 256, (count, *size), dtype=np.uint8)
            arrays[f"y_{part}"] = (np.arange(count) % 10).astype(np.uint8)
        item = dataclasses.replace(NAMED_SETS[name], sha256=arrays_sha256(arrays))
        monkeypatch.setitem(NAMED_SETS, name, item)
        return arrays

    return make


def npz(arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def idx(array):
    return gzip.compress(
        struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes(), mtime=0
    )


def text(value):
    return b"U" + bytes([len(value)]) + value


def python2_batch(images, labels):
    """The bytes of a batch as Python 2 and the numpy of 2009 pickled it, by the opcodes of protocol 2."""
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1).tobytes()
    numbers = b"".join(b"K" + bytes([label]) for label in labels)
    shape = b"K" + bytes([len(images)]) + b"M" + struct.pack("<H", 3072) + b"\x86"
    dtype = b"cnumpy\ndtype\n" + text(b"u1") + b"K\x00K\x01\x87R(K\x03" + text(b"|") + b"NNN"
    dtype += b"J\xff\xff\xff\xff" * 2 + b"K\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
    array += b"(K\x01" + shape + dtype + b"\x89T" + struct.pack("<i", len(rows)) + rows + b"tb"
    return b"\x80\x02}(" + text(b"labels") + b"](" + numbers + b"e" + text(b"data") + array + b"u."


def python3_batch(images, labels):
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    return pickle.dumps({b"data": np.ascontiguousarray(rows), b"labels": labels.tolist()}, protocol=4)


def batches(arrays, write=python2_batch):
    """The six batch files by name."""
    files = {TEST_BATCH: write(arrays["x_test"], arrays["y_test"])}
    for number, name in enumerate(TRAIN_BATCHES):
        part = slice(number * 10, number * 10 + 10)
        files[name] = write(arrays["x_train"][part], arrays["y_train"][part])
    return files


def archive(files):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, body in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    return content.getvalue()


def save(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def assert_loaded(splits, arrays):
    """The test part is the set's own, and the other two are its training images."""
    assert splits.test.images.tolist() == arrays["x_test"].tolist()
    assert splits.test.labels.tolist() == arrays["y_test"].tolist()
    assert (len(splits.train), len(splits.calibration), splits.removed) == (40, 10, 0)


# Where they are looked for


@pytest.mark.parametrize("name", NPZ)
def test_a_set_is_read_from_the_folder_that_the_variable_names(small, monkeypatch, tmp_path, server, name):
    arrays = small(name)
    save(tmp_path / "own" / NPZ[name], npz({**arrays, "y_train": arrays["y_train"].reshape(-1, 1)}))
    monkeypatch.setenv("EDGEREADY_DATA", str(tmp_path / "own"))
    assert_loaded(load_splits(name), arrays)
    assert server.asked == []


def test_mnist_is_read_from_the_cache_of_keras(small, cache, server):
    arrays = small("mnist")
    save(cache / "mnist.npz", npz(arrays))
    assert_loaded(load_splits("mnist"), arrays)
    assert server.asked == []


def test_fashion_mnist_is_read_from_the_cache_of_keras(small, cache, server):
    arrays = small("fashion-mnist")
    for array, name in FASHION.items():
        save(cache / "fashion-mnist" / name, idx(arrays[array]))
    splits = load_splits("fashion-mnist")
    assert_loaded(splits, arrays)
    assert (splits.train.classes[9], server.asked) == ("Ankle boot", [])


@pytest.mark.parametrize("folder", ["cifar-10-batches-py", "cifar-10-batches-py-target/cifar-10-batches-py"])
@pytest.mark.parametrize("write", [python2_batch, python3_batch])
def test_cifar10_is_read_from_the_folder_of_keras_2_and_3(small, cache, server, folder, write):
    arrays = small("cifar10")
    for name, body in batches(arrays, write).items():
        save(cache / folder / name, body)
    assert_loaded(load_splits("cifar10"), arrays)
    assert server.asked == []


@pytest.mark.parametrize("name", ["cifar-10-batches-py.tar.gz", "cifar-10-batches-py-target_archive"])
def test_cifar10_is_read_from_the_archive_of_keras_2_and_3(small, cache, server, name):
    arrays = small("cifar10")
    save(cache / name, archive(batches(arrays)))
    assert_loaded(load_splits("cifar10"), arrays)
    assert server.asked == []


def test_the_variable_goes_before_the_cache(small, monkeypatch, cache, tmp_path):
    arrays = small("mnist")
    save(tmp_path / "own" / "mnist.npz", npz(arrays))
    save(cache / "mnist.npz", b"never read")
    monkeypatch.setenv("EDGEREADY_DATA", str(tmp_path / "own"))
    assert_loaded(load_splits("mnist"), arrays)


def test_a_variable_without_the_file_falls_back_on_the_cache(small, monkeypatch, cache, tmp_path):
    arrays = small("mnist")
    save(cache / "mnist.npz", npz(arrays))
    monkeypatch.setenv("EDGEREADY_DATA", str(tmp_path / "nowhere"))
    assert_loaded(load_splits("mnist"), arrays)


def test_a_name_goes_before_a_folder_of_that_name(small, cache, tmp_path, monkeypatch):
    arrays = small("mnist")
    save(cache / "mnist.npz", npz(arrays))
    (tmp_path / "mnist").mkdir()
    monkeypatch.chdir(tmp_path)
    assert_loaded(load_splits("mnist"), arrays)
    with pytest.raises(DatasetError, match="at least two classes and has none"):
        load_splits("./mnist")


# What is fetched


def test_mnist_is_fetched_once_into_the_cache_of_keras(small, cache, server):
    arrays = small("mnist")
    server.answers["mnist.npz"] = server.answer(npz(arrays))
    calls = []
    assert_loaded(load_splits("mnist", progress=lambda label, done, total: calls.append((done, total))), arrays)
    assert_loaded(load_splits("mnist", download=False), arrays)
    assert server.asked == ["/mnist.npz"]
    assert calls[-1] == (len(npz(arrays)),) * 2
    assert [path.name for path in cache.iterdir()] == ["mnist.npz"]


def test_fashion_mnist_is_fetched_in_four_files_and_only_those_that_are_missing(small, cache, server):
    arrays = small("fashion-mnist")
    for array, name in FASHION.items():
        server.answers[name] = server.answer(idx(arrays[array]))
    save(cache / "fashion-mnist" / FASHION["x_test"], idx(arrays["x_test"]))
    assert_loaded(load_splits("fashion-mnist"), arrays)
    assert sorted(server.asked) == sorted("/" + name for array, name in FASHION.items() if array != "x_test")
    assert sorted(path.name for path in (cache / "fashion-mnist").iterdir()) == sorted(FASHION.values())


def test_cifar10_is_fetched_to_where_keras_3_looks_for_it(small, cache, server):
    arrays = small("cifar10")
    server.answers["cifar-10-python.tar.gz"] = server.answer(archive(batches(arrays)))
    assert_loaded(load_splits("cifar10"), arrays)
    assert [path.name for path in cache.iterdir()] == ["cifar-10-batches-py-target_archive"]


def test_the_sets_are_fetched_over_https_from_where_keras_fetches_them():
    code = "from edgeready.dataset.named import NAMED_SETS as S\nfor s in S.values(): print(s.downloads[0].url)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines() == [
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/train-images-idx3-ubyte.gz",
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    ]


def test_a_fetched_file_with_the_wrong_checksum_is_named_and_removed(small, cache, server):
    arrays = small("mnist")
    expected = NAMED_SETS["mnist"].sha256
    arrays["x_test"][3, 4, 5] ^= 1
    server.answers["mnist.npz"] = server.answer(npz(arrays))
    with pytest.raises(DatasetError) as caught:
        load_splits("mnist")
    assert str(caught.value) == (
        f"{str(cache / 'mnist.npz')!r} is not mnist: the sha256 of its arrays is {arrays_sha256(arrays)}, "
        f"expected {expected}; delete it to fetch it again (what was fetched just now is removed again)"
    )
    assert list(cache.iterdir()) == []


def test_of_four_files_only_the_fetched_ones_are_removed(small, cache, server):
    arrays = small("fashion-mnist")
    for array, name in FASHION.items():
        server.answers[name] = server.answer(idx(arrays[array][::-1]))
    save(cache / "fashion-mnist" / FASHION["x_test"], idx(arrays["x_test"]))
    with pytest.raises(DatasetError, match="is not fashion-mnist: the sha256"):
        load_splits("fashion-mnist")
    assert [path.name for path in (cache / "fashion-mnist").iterdir()] == [FASHION["x_test"]]


def test_a_page_in_place_of_the_file_is_removed(small, cache, server):
    small("mnist")
    server.answers["mnist.npz"] = server.answer(b"<html>please log in</html>")
    with pytest.raises(DatasetError, match=r"mnist\.npz' cannot be read as \.npz .* is removed again"):
        load_splits("mnist")
    assert list(cache.iterdir()) == []


def test_a_body_that_breaks_off_leaves_nothing_in_the_cache(small, cache, server):
    content = npz(small("mnist"))
    server.answers["mnist.npz"] = server.answer(content[:-9], length=len(content))
    with pytest.raises(NotFoundError, match=f"broke off after {len(content) - 9} of {len(content)} bytes"):
        load_splits("mnist")
    assert list(cache.iterdir()) == []


def test_offline_the_error_says_in_one_line_where_it_looked_and_what_to_do(cache, monkeypatch):
    monkeypatch.setitem(BASE_URLS, "keras", "http://127.0.0.1:9/")
    with pytest.raises(NotFoundError) as caught:
        load_splits("mnist")
    assert str(caught.value) == (
        f"no data set 'mnist' here: looked for $EDGEREADY_DATA (not set) and {cache / 'mnist.npz'}, and "
        "http://127.0.0.1:9/mnist.npz cannot be fetched ("
        f"[Errno {errno.ECONNREFUSED}] {os.strerror(errno.ECONNREFUSED)}): try again; or put "
        "mnist.npz (Keras arrays) into a folder and set EDGEREADY_DATA to it"
    )


def test_without_leave_to_download_nothing_is_asked_for(cache, server, monkeypatch, tmp_path):
    monkeypatch.setenv("EDGEREADY_DATA", str(tmp_path))
    with pytest.raises(NotFoundError) as caught:
        load_splits("cifar10", download=False)
    assert str(caught.value) == (
        f"no data set 'cifar10' here: looked for {tmp_path / 'cifar10.npz'} and "
        f"{cache / 'cifar-10-batches-py-target_archive'}: put cifar10.npz (Keras arrays) into a folder and set "
        "EDGEREADY_DATA to it, or allow the download"
    )
    assert server.asked == []


def test_a_cache_that_cannot_be_made_is_an_output_error(small, server, monkeypatch, tmp_path):
    server.answers["mnist.npz"] = server.answer(npz(small("mnist")))
    (tmp_path / "taken").touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "taken"))
    with pytest.raises(OutputError, match=r"cannot write '.*mnist\.npz' \(.*\): choose another folder"):
        load_splits("mnist")


# What the files hold


def test_a_file_of_ones_own_with_the_wrong_checksum_is_named_and_kept(small, monkeypatch, tmp_path):
    arrays = small("mnist")
    save(tmp_path / "mnist.npz", npz({**arrays, "y_test": arrays["y_test"][::-1]}))
    monkeypatch.setenv("EDGEREADY_DATA", str(tmp_path))
    with pytest.raises(DatasetError, match=r"mnist\.npz' is not mnist: the sha256 of its arrays is \w{64}, expected"):
        load_splits("mnist")
    assert (tmp_path / "mnist.npz").exists()


def test_a_file_without_one_of_the_arrays_is_named(small, cache):
    arrays = small("mnist")
    del arrays["y_test"]
    save(cache / "mnist.npz", npz(arrays))
    with pytest.raises(DatasetError, match=r"mnist\.npz' has no array 'y_test'"):
        load_splits("mnist")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "starts with b'', not an IDX file of bytes"),
        (b"not gzip", "cannot be unpacked"),
        (idx(np.zeros((2, 3), np.uint8))[:-9], "cannot be unpacked"),
        (
            gzip.compress(b"\x00\x00\x0d\x01\x00\x00\x00\x00", mtime=0),
            r"starts with b'\\x00\\x00\\r\\x01', not an IDX",
        ),
        (gzip.compress(b"\x00\x00\x08\x03\x00\x00", mtime=0), r"holds 6 bytes, not the 16 of shape \(0, 0, 0\)"),
        (gzip.compress(b"\x00\x00\x08\x01\xff\xff\xff\xff1", mtime=0), r"holds 9 bytes, not the 4294967303 of shape"),
        (gzip.compress(b"\x00\x00\x08\x01\x00\x00\x00\x01ab", mtime=0), r"holds 10 bytes, not the 9 of shape \(1,\)"),
    ],
)
def test_a_damaged_idx_file_is_named(tmp_path, content, message):
    save(tmp_path / "images.gz", content)
    with pytest.raises(DatasetError, match=rf"images\.gz' ({message})"):
        read_idx(tmp_path / "images.gz")


def test_an_idx_file_that_unpacks_without_end_is_cut_short(tmp_path):
    save(tmp_path / "bomb.gz", gzip.compress(b"\x00\x00\x08\x01" + bytes(70_000_000), 1, mtime=0))
    with pytest.raises(DatasetError, match=r"bomb\.gz' holds 67108865 bytes, not the 8 of shape \(0,\)"):
        read_idx(tmp_path / "bomb.gz")


class Trap:
    """Runs code when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def test_a_batch_that_runs_code_when_unpickled_is_refused(small, tmp_path):
    files = batches(small("cifar10"))
    files["data_batch_3"] = pickle.dumps({b"data": Trap(os.mkdir, str(tmp_path / "sprung"))}, protocol=2)
    save(tmp_path / "cifar.tar.gz", archive(files))
    with pytest.raises(DatasetError, match=r"data_batch_3 in '.*cifar\.tar\.gz' is no CIFAR-10 batch \(it names"):
        read_cifar10(tmp_path / "cifar.tar.gz")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Ran out of input"),
        (b"not a pickle", ".+"),
        (pickle.dumps([1]), ".+"),
        (pickle.dumps({b"labels": [1]}), "b'data'"),
        (pickle.dumps({b"data": b"x" * 3072, b"labels": [1]}), "its data is no array"),
        (pickle.dumps({b"data": np.zeros(7, np.uint8), b"labels": [1]}, 4), "its data is not 3072 bytes per image"),
        (pickle.dumps({b"data": Trap(eval, "1+1"), b"labels": [1]}), "it names builtins.eval"),
        (pickle.dumps({b"data": Trap(np.load, "x.npy"), b"labels": [1]}), "it names numpy.load"),
        (pickle.dumps({b"data": np.zeros(3072, np.uint8), b"labels": [300]}, 4), r"bytes must be in range\(0, 256\)"),
        (
            pickle.dumps({b"data": np.zeros(3072, np.uint8), b"labels": ["cat"]}, 4),
            "'str' object cannot be .*",
        ),
        (pickle.dumps({b"data": np.zeros(3072, np.uint8), b"labels": 9}, 4), "its labels are no list"),
        (pickle.dumps({b"data": np.zeros(2, object), b"labels": [1]}, 4), "its data is not 3072 bytes per image"),
        (b"\x80\x02cnumpy\nndarray\n(K\x01K\x02tb.", ".+"),
        (b"\x80\x02" + b"(" * 1000 + b".", ".+"),
    ],
)
def test_a_damaged_batch_is_named_with_the_reason(small, tmp_path, content, reason):
    for name, body in {**batches(small("cifar10")), "data_batch_2": content}.items():
        save(tmp_path / name, body)
    with pytest.raises(DatasetError, match=rf"data_batch_2 in '.*' is no CIFAR-10 batch \({reason}\): delete it"):
        read_cifar10(tmp_path)


def test_a_folder_without_one_of_the_batches_names_it(small, tmp_path):
    for name, body in batches(small("cifar10")).items():
        save(tmp_path / name, body)
    (tmp_path / "test_batch").unlink()
    with pytest.raises(DatasetError, match="has no test_batch: delete it to fetch it again"):
        read_cifar10(tmp_path)


def test_an_archive_that_is_cut_off_is_named(small, tmp_path):
    content = archive(batches(small("cifar10")))
    save(tmp_path / "cifar.tar.gz", content[: len(content) // 2])
    with pytest.raises(DatasetError, match=r"cifar\.tar\.gz' cannot be unpacked"):
        read_cifar10(tmp_path / "cifar.tar.gz")


# Names, digits, and the real sets


@pytest.mark.parametrize("source", ["minst", "no/such/folder", "gone.npz"])
def test_an_unknown_name_lists_the_sets_and_says_what_a_path_must_be(source):
    with pytest.raises(NotFoundError) as caught:
        load_splits(source)
    assert str(caught.value) == (
        f"no data set or path {source!r}: use digits, mnist, fashion-mnist, cifar10, a .npz file, "
        "or a folder with one subfolder of images per class"
    )


def test_a_file_of_another_kind_is_refused(tmp_path):
    save(tmp_path / "set.csv", b"1,2,3")
    with pytest.raises(DatasetError, match=r"set\.csv' is a file but not a \.npz: use digits, mnist"):
        load_splits(str(tmp_path / "set.csv"))


@pytest.mark.parametrize("option", [{"image_size": (32, 32)}, {"channels": 1}])
def test_image_size_and_channels_are_for_folders_only(option):
    with pytest.raises(UsageError, match="image_size and channels are for folders of images, and 'digits' is none"):
        load_splits("digits", **option)


def test_the_digits_need_no_download_and_use_the_whole_range():
    source = pytest.importorskip("sklearn.datasets", reason="scikit-learn, of the extra `build`, is not installed")
    splits = load_splits("digits")
    assert {name: len(part) for name, part in splits.parts().items()} == {
        "train": 1151,
        "calibration": 287,
        "test": 359,
    }
    assert (splits.train.images.shape[1:], splits.train.classes) == ((28, 28), tuple("0123456789"))
    assert (int(splits.train.images.min()), int(splits.train.images.max())) == (0, 255)
    shown = np.concatenate([part.images for part in splits.parts().values()]).mean()
    assert abs(shown - source.load_digits().data.mean() * 255 / 16) < 1


def test_without_scikit_learn_the_error_names_the_extra():
    # A module of None is Python's own way of saying that an import fails.
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "from edgeready.dataset import load_splits\n"
        "from edgeready.errors import MissingExtraError\n"
        "try:\n    load_splits('digits')\n"
        "except MissingExtraError as error:\n    print(error)\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == (
        f"the data set 'digits' comes with scikit-learn, which is not installed: run {install_command('build')}\n"
    )


def test_importing_the_package_imports_neither_tensorflow_nor_scikit_learn():
    code = "import sys, edgeready.dataset; sys.exit(bool({'tensorflow', 'keras', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "shape", "last"),
    [("mnist", (28, 28), "9"), ("fashion-mnist", (28, 28), "Ankle boot"), ("cifar10", (32, 32, 3), "truck")],
)
def test_the_real_set_has_its_checksum_and_shares_no_image(monkeypatch, name, shape, last):
    if not REAL or not os.path.exists(os.path.join(REAL, NPZ[name])):
        pytest.skip(f"EDGEREADY_DATA names no folder with {NPZ[name]}")
    monkeypatch.setenv("EDGEREADY_DATA", REAL)
    splits = load_splits(name)
    assert (splits.train.images.shape[1:], splits.train.classes[9]) == (shape, last)
    assert (len(splits.calibration), len(splits.test), splits.removed) == (500, 10_000, 0)
    assert len(splits.train) == {"cifar10": 49_500}.get(name, 59_500)
