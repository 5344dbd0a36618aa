"""What a program may hand to `classify`: what can only mean one thing works, the rest is an error with what to do."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from edgeready_device.errors import EdgereadyError, ImageError
from edgeready_device.images.frames import as_frame, fit_frame
from edgeready_device.model_file.contract import Description
from edgeready_device.model_file.manifest import InputSpec

GREY, COLOUR = InputSpec(2, 4, 1), InputSpec(2, 4, 3)
PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
LUMA = [[1, 4, 7, 10], [13, 16, 19, 22]]


# -- what can only mean one thing --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "picture",
    [
        PIXELS,
        PIXELS[np.newaxis],
        np.moveaxis(PIXELS, 2, 0),
        np.moveaxis(PIXELS, 2, 0)[np.newaxis],
        PIXELS.tolist(),
        tuple(map(tuple, PIXELS)),
        PIXELS.astype(np.int64),
        PIXELS.astype(np.int16),
        PIXELS.astype(np.uint32),
        np.concatenate([PIXELS, np.full((2, 4, 1), 255, np.uint8)], axis=2),
        np.asfortranarray(PIXELS),
    ],
    ids="array batch channels-first both list tuples int64 int16 uint32 opaque fortran".split(),
)
def test_a_colour_picture_is_understood(picture):
    frame = as_frame(picture, COLOUR)
    assert (frame.dtype, frame.tolist()) == (np.uint8, PIXELS.tolist())
    assert fit_frame(picture, COLOUR).tolist() == PIXELS.tolist()
    assert as_frame(picture, GREY)[..., 0].tolist() == LUMA


@pytest.mark.parametrize("shape", [(2, 4), (2, 4, 1), (1, 2, 4), (1, 2, 4, 1), (1, 1, 2, 4)])
def test_a_grey_picture_is_understood(shape):
    pixels = np.arange(8, dtype=np.uint8).reshape(shape)
    assert as_frame(pixels, GREY).tolist() == pixels.reshape(2, 4, 1).tolist()
    assert as_frame(pixels, COLOUR).tolist() == np.repeat(pixels.reshape(2, 4, 1), 3, axis=2).tolist()


def test_a_picture_that_fits_is_not_copied():
    assert np.shares_memory(as_frame(PIXELS, COLOUR), PIXELS)


def test_what_is_transparent_lies_on_white_as_in_files():
    pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    alpha = np.full((2, 4, 1), 255, np.uint8)
    alpha[0, 0] = 0
    frame = as_frame(np.concatenate([PIXELS, alpha], axis=2), COLOUR)
    assert frame[0, 0].tolist() == [255, 255, 255]
    assert frame[1].tolist() == PIXELS[1].tolist()


def test_an_image_of_pillow_is_cropped_resized_and_converted():
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    image = pillow.fromarray(PIXELS)
    assert as_frame(image, COLOUR).tolist() == PIXELS.tolist()
    assert as_frame(image, GREY)[..., 0].tolist() == LUMA
    assert as_frame(image.convert("L"), COLOUR)[0, 0].tolist() == [1, 1, 1]
    assert as_frame(image.convert("RGBA"), COLOUR).tolist() == PIXELS.tolist()
    assert as_frame(image.convert("1"), GREY).shape == (2, 4, 1)
    assert as_frame(image.convert("P"), COLOUR).shape == (2, 4, 3)
    wide = pillow.fromarray(np.repeat(PIXELS, 8, axis=0))
    assert as_frame(wide, COLOUR).shape == (2, 4, 3)
    cut = as_frame(wide, InputSpec(2, 4, 3, "crop"))
    assert cut.tolist() == fit_frame(np.asarray(wide), InputSpec(2, 4, 3, "crop")).tolist()


def test_a_picture_is_none_of_pillow_while_another_thread_imports_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", ModuleType("PIL.Image"))
    assert as_frame(PIXELS, COLOUR).tolist() == PIXELS.tolist()


def test_an_image_of_pillow_is_turned_upright():
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    image = pillow.fromarray(np.rot90(PIXELS).copy())
    image.getexif()[0x0112] = 6  # turn it by 90 degrees to the right
    assert as_frame(image, COLOUR).tolist() == PIXELS.tolist()


def test_a_crop_keeps_the_centre_of_each_side_before_the_rule():
    pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    picture = np.zeros((16, 32, 3), np.uint8)
    picture[1:15, 2:30] = 200  # the centre 0.875 of each side
    assert set(fit_frame(picture, InputSpec(8, 8, 3, "stretch", crop=0.875)).reshape(-1).tolist()) == {200}
    assert fit_frame(picture, InputSpec(8, 8, 3, "stretch"))[0, 0].tolist() == [65, 65, 65]
    ramp = np.tile(np.arange(256, dtype=np.uint8)[:, np.newaxis], (1, 512))
    centre = fit_frame(ramp, InputSpec(224, 224, 1, "crop", crop=0.875))
    assert centre[..., 0].tolist() == ramp[16:240, 144:368].tolist()  # shorter side 256, the centre 224


# -- what is none ------------------------------------------------------------------------------------------------


class OnAnotherDevice:
    def __array__(self, *arguments, **options):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (None, "the frame is None: OpenCV's imread gives that for a path that it cannot read"),
        ("cat.jpg", "the frame is 'cat.jpg', and no picture: read a file with"),
        (Path("cat.jpg"), "and no picture: read a file with edgeready_device.images.decode.read_image"),
        (b"\xff\xd8", "and no picture: read a file"),
        (np.zeros((2, 4, 3), bool), "the frame is bool, True and False: give uint8 pixels"),
        (np.zeros((2, 4, 3), np.uint16), r"the frame is uint16: give uint8 pixels from 0 to 255, as \(frame >> 8\)"),
        (np.zeros((2, 4, 3), np.int8), "the frame is int8, which ends at 127"),
        (np.full((2, 4, 3), 256), "the frame is int64 and holds 256 to 256: give uint8"),
        (np.full((2, 4, 3), -1, np.int32), "the frame is int32 and holds -1 to -1"),
        (np.zeros((2, 4, 3), complex), "the frame is a ndarray of complex128: give a numpy array"),
        (np.zeros((2, 4), "U1"), "the frame is a ndarray of <U1"),
        ([[1, 2], [3]], "the frame is a list that numpy cannot read"),
        ({"image": 1}, "the frame is a dict of object"),
        (OnAnotherDevice(), "the frame is a OnAnotherDevice that numpy cannot read .can't convert cuda:0"),
        (np.zeros((5, 2, 4, 3), np.uint8), r"\[5, 2, 4, 3\], so it is 5 pictures: give one, or all to classify_many"),
        (np.zeros((5, 2, 4), np.uint8), r"\[5, 2, 4\], so it is 5 pictures: give one"),
        (np.zeros((2, 4, 2), np.uint8), r"the picture is uint8 \[2, 4, 2\]: give uint8 of the shape"),
        (np.zeros((0, 4, 3), np.uint8), r"the picture is uint8 \[0, 4, 3\]"),
        (np.zeros(8, np.uint8), r"the picture is uint8 \[8\]"),
        (7, r"the picture is uint8 \[\]"),
        (np.zeros((2, 4, 4)), "the frame is float64 with 4 channels: give 1"),
        (np.zeros((4, 2, 3), np.uint8), r"the frame has the shape \[4, 2, 3\], the model takes \[2, 4, 3\]"),
    ],
)
def test_what_is_no_picture_is_an_error_that_says_what_to_do(picture, message):
    with pytest.raises(ImageError, match=message) as caught:
        as_frame(picture, COLOUR)
    assert caught.value.exit_code == 3


def test_float_values_in_colour_are_no_grey_ones():
    with pytest.raises(ImageError, match="the frame is float64 with 3 channels, and the model takes grey"):
        as_frame(PIXELS / 255, GREY)


def test_float_values_are_no_picture_of_another_size():
    with pytest.raises(ImageError, match=r"the picture is float64 \[2, 4, 3\]: give uint8 pixels from 0 to 255"):
        fit_frame(PIXELS / 255, COLOUR)


def test_images_of_pillow_that_are_no_pictures_are_named():
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    with pytest.raises(ImageError, match="the picture has floating-point pixels"):
        as_frame(pillow.new("F", (4, 2)), COLOUR)
    closed = pillow.new("RGB", (4, 2))
    closed.close()
    with pytest.raises(EdgereadyError):
        as_frame(closed, COLOUR)


# -- float frames ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "frame", "message"),
    [
        ("echo_signed", [[0.0, 255.0], [1.0, 2.0]], "holds 0 to 255, and normalized values are -1 to 0.9922 here"),
        ("sums", [[0.0, 0.5], [1.0, 0.25]], "holds 0 to 1, and the model takes 0 to 255"),
        ("sums", [[-1.0, 0.5], [1.0, 0.25]], "holds -1 to 1, and the model takes 0 to 255"),
        ("float_metadata", [[-400.0, 0.0], [0.0, 0.0]], "holds -400 to 0, and normalized values are -4 to 506 here"),
        ("sums", [[np.nan, 0.0], [0.0, 0.0]], "holds NaN or infinity"),
        ("echo_float", [[np.inf, 0.0], [0.0, 0.0]], "holds NaN or infinity"),
    ],
)
def test_float_frames_that_are_not_the_normalized_values_are_refused(faked, name, frame, message):
    with pytest.raises(ImageError, match=f"the float64 frame {message}|the frame {message}"):
        faked(name, None).quantize(np.array(frame))


def test_float_frames_with_the_normalized_values_go_in(faked):
    raw = faked("sums", None)
    assert raw.quantize(np.array([[0.0, 1.0], [200.0, 255.0]])).reshape(-1).tolist() == [0, 1, 200, 255]
    assert raw.quantize(np.zeros((2, 2))).reshape(-1).tolist() == [0, 0, 0, 0]
    signed = faked("echo_signed", None)
    assert signed.quantize(np.array([[-1.0, 0.0], [0.5, 0.9922]])).reshape(-1).tolist() == [0, 128, 192, 255]
    raw = faked("echo_float", None).described_as(Description(preset="raw"))
    with pytest.raises(ImageError, match=r"holds 0 to 0\.5, and the model takes 0 to 255"):
        raw.quantize(np.array([[0.0, 0.5], [0.5, 0.0]], np.float32))
