import struct
import subprocess
import sys
import threading
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from edgeready_device.errors import ImageError, NotFoundError, UsageError
from edgeready_device.images.decode import (
    HEIF_SUFFIXES,
    IMAGE_SUFFIXES,
    decode_image,
    image_files,
    image_files_below,
    load_frame,
    load_picture,
    read_image,
    target_of,
)
from edgeready_device.images.frames import fit_frame, resize_frame
from edgeready_device.model_file.manifest import InputSpec

BLACK, RED, GREEN, BLUE = (0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.fixture
def saved(tmp_path):
    """Saves an image and returns its path."""

    def save(image, name="image.png", **options):
        path = tmp_path / name
        image.save(path, **options)
        return path

    return save


def two_pixels(mode, left, right):
    """An image of two pixels side by side."""
    image = Image.new(mode, (2, 1), left)
    image.putpixel((1, 0), right)
    return image


def png(width, height, colour_type, rows):
    """A PNG file made by hand, with 8 bits per sample."""
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def test_an_rgb_image_keeps_its_pixels_row_by_row(saved):
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    frame = read_image(saved(Image.fromarray(pixels)), 3)
    assert frame.dtype == np.uint8
    assert frame.shape == (2, 3, 3)
    assert frame.tolist() == pixels.tolist()


def test_a_grey_image_becomes_three_equal_channels(saved):
    assert read_image(saved(two_pixels("L", 7, 200)), 3).tolist() == [[[7, 7, 7], [200, 200, 200]]]


def test_an_rgb_image_becomes_grey_by_its_luma(saved):
    assert read_image(saved(two_pixels("RGB", RED, GREEN)), 1).tolist() == [[[76], [150]]]


def test_a_grey_image_read_as_grey_keeps_its_pixels(saved):
    assert read_image(saved(two_pixels("L", 7, 200)), 1).tolist() == [[[7], [200]]]


def test_transparent_pixels_become_white_and_half_transparent_ones_lighter(saved):
    image = two_pixels("RGBA", (255, 0, 0, 0), (0, 0, 0, 128))
    assert read_image(saved(image), 3).tolist() == [[[255, 255, 255], [127, 127, 127]]]


def test_transparent_grey_is_laid_on_white(saved):
    assert read_image(saved(two_pixels("LA", (0, 0), (40, 255))), 1).tolist() == [[[255], [40]]]


def test_a_palette_image_shows_its_colours(saved):
    image = two_pixels("RGB", RED, BLUE).convert("P", palette=Image.Palette.ADAPTIVE)
    assert read_image(saved(image), 3).tolist() == [[[255, 0, 0], [0, 0, 255]]]


def test_the_transparent_colour_of_a_palette_becomes_white(saved):
    image = two_pixels("P", 0, 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    assert read_image(saved(image, transparency=0), 3).tolist() == [[[255, 255, 255], [0, 0, 255]]]


def test_the_transparent_colour_of_an_rgb_png_becomes_white(saved):
    path = saved(two_pixels("RGB", RED, BLUE), transparency=RED)
    assert read_image(path, 3).tolist() == [[[255, 255, 255], [0, 0, 255]]]


def test_a_one_bit_image_becomes_black_and_white(saved):
    assert read_image(saved(two_pixels("1", 0, 1)), 3).tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_a_cmyk_jpeg_becomes_rgb(saved):
    path = saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "print.jpg", quality=100)
    assert np.abs(read_image(path, 3).astype(int) - RED).max() <= 2


def test_sixteen_bit_grey_is_scaled_and_not_clipped(saved):
    values = np.array([[0, 255, 257, 32768, 65535]], dtype=np.uint16)
    assert read_image(saved(Image.fromarray(values)), 1).tolist() == [[[0], [1], [1], [128], [255]]]
    assert read_image(saved(Image.fromarray(values)), 3)[0, 3].tolist() == [128, 128, 128]


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, [[1, 2], [3, 4]]),
        (2, [[2, 1], [4, 3]]),
        (3, [[4, 3], [2, 1]]),
        (4, [[3, 4], [1, 2]]),
        (5, [[1, 3], [2, 4]]),
        (6, [[3, 1], [4, 2]]),
        (7, [[4, 2], [3, 1]]),
        (8, [[2, 4], [1, 3]]),
    ],
)
def test_every_exif_orientation_is_turned_upright(saved, orientation, expected):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(Image.fromarray(np.array([[1, 2], [3, 4]], dtype=np.uint8)), exif=exif)
    assert read_image(path, 1)[..., 0].tolist() == expected


def test_a_phone_jpeg_with_a_preview_behind_it_is_read_as_its_photo(saved):
    photo, small = Image.new("RGB", (16, 8), RED), Image.new("RGB", (4, 2), BLUE)
    path = saved(photo, "phone.jpg", format="MPO", save_all=True, append_images=[small], quality=100)
    frame = read_image(path, 3)
    assert frame.shape == (8, 16, 3)
    assert np.abs(frame.astype(int) - (254, 0, 0)).max() <= 2


def test_the_frame_can_be_written_to(saved):
    frame = read_image(saved(two_pixels("RGB", RED, BLUE)), 3)
    frame[:] = 0
    assert frame.max() == 0


def test_a_missing_image_is_not_found_and_named(tmp_path):
    with pytest.raises(NotFoundError, match=r"no image '.*nothing\.png': check the path"):
        read_image(tmp_path / "nothing.png", 3)


def test_a_path_through_a_file_is_not_found(saved):
    with pytest.raises(NotFoundError, match="no image"):
        read_image(saved(Image.new("L", (2, 2))) / "inside.png", 3)


def test_a_folder_is_not_an_image(tmp_path):
    with pytest.raises(ImageError, match="is not a file: give an image file"):
        read_image(tmp_path, 3)


def test_a_path_with_a_null_byte_is_an_image_error(tmp_path):
    with pytest.raises(ImageError, match="cannot be read"):
        read_image(f"{tmp_path}/a\0.png", 3)


def test_an_empty_image_is_named(tmp_path):
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(ImageError, match=r"empty\.jpg' is empty \(0 bytes\): copy it again or remove it"):
        read_image(tmp_path / "empty.jpg", 3)


def test_text_is_not_an_image(tmp_path):
    (tmp_path / "notes.png").write_text("not an image at all")
    with pytest.raises(ImageError, match=r"notes\.png' is not an image that can be read"):
        read_image(tmp_path / "notes.png", 3)


@pytest.mark.parametrize("name", ["cut.jpg", "cut.png"])
def test_a_truncated_image_is_refused_and_named(saved, name):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = saved(Image.fromarray(noise), name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match=rf"{name}' cannot be read \(.*truncated.*\): copy it again or remove it"):
        read_image(path, 3)


def test_a_file_of_a_format_that_starts_other_programs_is_not_opened(saved):
    with pytest.raises(ImageError, match="is not an image that can be read"):
        read_image(saved(Image.new("RGB", (4, 4)), "drawing.eps"), 3)


@pytest.mark.parametrize("side", [10_000, 20_000])
def test_a_decompression_bomb_is_refused_at_the_warning_and_at_the_error(tmp_path, side):
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(png(side, side, 0, b"\0" * 100))
    with pytest.raises(ImageError, match=rf"bomb\.png' is too large .*{side * side} pixels.*: make it smaller"):
        read_image(bomb, 1)


@pytest.mark.parametrize("name", ["moving.png", "moving.webp", "pages.tiff"])
def test_an_animated_image_is_refused(saved, name):
    frames = [Image.new("L", (4, 4), shade) for shade in (0, 100, 200)]
    path = saved(frames[0], name, save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match=rf"{name}' is animated \(3 frames\): save one frame"):
        read_image(path, 3)


def test_an_animated_gif_is_its_first_frame(saved):
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, BLACK)]
    assert (read_image(saved(frames[0], "moving.gif", save_all=True, append_images=frames[1:]), 3) == RED).all()


@pytest.mark.skipif(HEIF_SUFFIXES[0] in IMAGE_SUFFIXES, reason="pillow-heif is installed")
def test_a_heic_file_names_the_package_that_reads_it(tmp_path):
    (tmp_path / "a.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(64))
    with pytest.raises(ImageError, match=r"a\.HEIC' is not an image that can be read: pip install pillow-heif"):
        read_image(tmp_path / "a.HEIC", 3)


def test_floating_point_pixels_are_refused(saved):
    with pytest.raises(ImageError, match=r"float\.tiff' has floating-point pixels"):
        read_image(saved(Image.new("F", (2, 2), 0.5), "float.tiff"), 1)


def test_pixels_of_more_than_sixteen_bits_are_refused(saved):
    path = saved(Image.fromarray(np.array([[0, 70000]], dtype=np.int32)), "deep.tiff")
    with pytest.raises(ImageError, match=r"deep\.tiff' holds 0 to 70000, more than 16 bits"):
        read_image(path, 1)


def test_two_channels_cannot_be_asked_for(saved):
    with pytest.raises(UsageError, match="channels is 2: give 1 for grey or 3 for RGB"):
        read_image(saved(Image.new("L", (2, 2))), 2)


def test_damaged_files_raise_only_image_errors(saved):
    rng = np.random.default_rng(1)
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8))
    path = saved(image, "damaged.jpg", exif=exif)
    whole, messages = np.frombuffer(path.read_bytes(), np.uint8), []
    for _ in range(300):
        content = whole.copy()
        content[rng.integers(0, len(content), 5)] = rng.integers(0, 256, 5)
        path.write_bytes(content.tobytes())
        try:
            assert read_image(path, 3).dtype == np.uint8
        except ImageError as error:
            messages.append(str(error))
    assert 0 < len(messages) < 300
    assert [text for text in messages if "damaged.jpg" not in text or "\n" in text] == []


def test_stretch_ignores_the_aspect():
    frame = np.array([[[10], [30]]], dtype=np.uint8)
    assert resize_frame(frame, 2, 1).tolist() == [[[20]], [[20]]]


def test_shrinking_averages_all_pixels_and_skips_none():
    stripes = np.zeros((64, 64, 1), dtype=np.uint8)
    stripes[:, ::2] = 255
    assert np.unique(resize_frame(stripes, 8, 8)[:, 1:-1]).tolist() in ([127], [128], [127, 128])


def test_crop_keeps_the_middle():
    frame = np.zeros((4, 8, 3), dtype=np.uint8)
    frame[:, 2:6] = RED
    assert (resize_frame(frame, 2, 2, "crop") == RED).all()


def test_crop_of_a_tall_frame_keeps_the_middle():
    frame = np.zeros((9, 3, 1), dtype=np.uint8)
    frame[3:6] = 200
    assert resize_frame(frame, 3, 3, "crop").tolist() == np.full((3, 3, 1), 200).tolist()


def test_letterbox_keeps_everything_on_black():
    frame = np.full((2, 4, 3), 255, dtype=np.uint8)
    boxed = resize_frame(frame, 4, 4, "letterbox")
    assert boxed[:, 0, 0].tolist() == [0, 255, 255, 0]
    assert boxed.shape == (4, 4, 3)


def test_letterbox_of_a_tall_frame_has_bars_left_and_right():
    boxed = resize_frame(np.full((6, 2, 1), 255, dtype=np.uint8), 3, 3, "letterbox")
    assert boxed[..., 0].tolist() == [[0, 255, 0]] * 3


def test_letterbox_of_a_very_thin_frame_keeps_a_pixel():
    boxed = resize_frame(np.full((1, 1000, 1), 255, dtype=np.uint8), 8, 8, "letterbox")
    assert int((boxed == 255).sum()) == 8


@pytest.mark.parametrize("rule", ["stretch", "crop", "letterbox"])
def test_a_frame_of_the_right_size_comes_back_as_it_is(rule):
    frame = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert resize_frame(frame, 2, 2, rule) is frame


@pytest.mark.parametrize("rule", ["stretch", "crop", "letterbox"])
@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (3, 7), (1, 640), (479, 641)])
def test_every_rule_gives_the_asked_size_from_any_size(rule, shape):
    for height, width in ((1, 1), (5, 9), (96, 96)):
        assert resize_frame(np.zeros((*shape, 3), np.uint8), height, width, rule).shape == (height, width, 3)


def test_an_unknown_rule_is_named_with_the_known_ones():
    with pytest.raises(UsageError, match="no resize rule 'fill': use one of stretch, crop, letterbox"):
        resize_frame(np.zeros((2, 2, 3), np.uint8), 4, 4, "fill")


def test_a_size_of_nothing_is_refused():
    with pytest.raises(UsageError, match="cannot resize to 0x4"):
        resize_frame(np.zeros((2, 2, 3), np.uint8), 0, 4)


def test_a_float_frame_is_refused():
    with pytest.raises(ImageError, match=r"the picture is float64 \[2, 2, 3\]: give uint8"):
        resize_frame(np.zeros((2, 2, 3)), 4, 4)


@pytest.mark.parametrize("shape", [(2, 2), (2, 2, 4), (1, 2, 2, 3), (0, 2, 3)])
def test_a_frame_of_another_shape_is_refused(shape):
    with pytest.raises(ImageError, match="give uint8 of the shape height, width, 1 or 3"):
        resize_frame(np.zeros(shape, np.uint8), 4, 4)


def test_load_frame_reads_and_resizes_by_the_rule(saved):
    image = Image.new("RGB", (8, 4), BLACK)
    image.paste(RED, (2, 0, 6, 4))
    path = saved(image)
    assert (load_frame(path, 2, 2, 3, "crop") == RED).all()
    assert load_frame(path, 2, 4, 1)[..., 0].tolist() == resize_frame(read_image(path, 1), 2, 4)[..., 0].tolist()


def photo(path, size=(800, 600), orientation=1, **options):
    """A large JPEG with detail of all sizes; the same one each time."""
    noise = np.random.default_rng(1)
    layers = [noise.integers(0, 256, (size[1] // step, size[0] // step, 3), np.uint8) for step in (2, 10, 50)]
    planes = [np.asarray(Image.fromarray(layer).resize(size), np.uint16) for layer in layers]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray((sum(planes) // 3).astype(np.uint8)).save(path, exif=exif, **options)
    return path


@pytest.mark.parametrize(
    ("target", "shape"),
    [
        ((600, 800), (600, 800)),
        ((131, 160), (600, 800)),
        ((120, 174), (600, 800)),
        ((130, 173), (300, 400)),
        ((66, 80), (300, 400)),
        ((65, 86), (150, 200)),
        ((33, 40), (150, 200)),
        ((32, 43), (75, 100)),
        ((3, 4), (75, 100)),
        ((30, 160), (300, 400)),
    ],
)
def test_a_large_jpeg_is_decoded_at_least_2_3_times_as_large_as_its_frame(tmp_path, target, shape):
    assert read_image(photo(tmp_path / "a.jpg"), 3, target).shape == (*shape, 3)


def test_a_photo_on_its_side_is_decoded_for_its_upright_frame(tmp_path):
    path = photo(tmp_path / "a.jpg", orientation=6)
    assert read_image(path, 3).shape == (800, 600, 3)
    assert read_image(path, 3, (160, 30)).shape == (400, 300, 3)
    assert read_image(path, 3, (30, 160)).shape == (800, 600, 3)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_frame_of_a_large_jpeg_is_near_that_of_the_whole_photo(tmp_path, channels):
    path = photo(tmp_path / "a.jpg")
    whole = resize_frame(read_image(path, channels), 30, 40).astype(int)
    assert np.abs(load_frame(path, 30, 40, channels) - whole).mean() < 1


def test_other_formats_are_decoded_whole(tmp_path):
    for name in ("a.png", "a.webp", "a.bmp"):
        assert read_image(photo(tmp_path / name), 3, (3, 4)).shape == (600, 800, 3)


def test_a_damaged_jpeg_is_refused_at_a_reduced_size_too(tmp_path):
    path = photo(tmp_path / "a.jpg")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ImageError, match=r"a\.jpg' cannot be read"):
        load_frame(path, 30, 40, 3)


def test_a_file_a_pipe_and_its_bytes_become_the_same_pixels_at_a_reduced_size(tmp_path):
    path = photo(tmp_path / "a.jpg")
    pixels = read_image(path, 3, (30, 40))
    assert decode_image(path.read_bytes(), 3, target=(30, 40)).tolist() == pixels.tolist()


@pytest.mark.parametrize("crop", [1.0, 0.8])
@pytest.mark.parametrize("rule", ["stretch", "crop", "letterbox"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_file_becomes_the_frame_that_its_pixels_do(tmp_path, name, channels, rule, crop):
    path, spec = photo(tmp_path / name, orientation=6), InputSpec(30, 31, channels, resize=rule, crop=crop)
    frame = fit_frame(read_image(path, channels, target_of(spec)), spec)
    assert load_picture(path, spec).tolist() == frame.tolist()
    if crop == 1:
        assert load_frame(path, 30, 31, channels, rule).tolist() == frame.tolist()


@pytest.mark.parametrize("rule", ["stretch", "crop", "letterbox"])
def test_a_picture_of_the_size_of_its_frame_stays_as_it_is(saved, rule):
    pixels = np.random.default_rng(1).integers(0, 256, (6, 9, 3), np.uint8)
    assert load_frame(saved(Image.fromarray(pixels)), 6, 9, 3, rule).tolist() == pixels.tolist()


def test_a_rule_that_there_is_not_is_refused_before_the_file_is_read(tmp_path):
    with pytest.raises(UsageError, match="no resize rule 'fill': use one of stretch, crop, letterbox"):
        load_frame(tmp_path / "none.jpg", 2, 2, 3, "fill")


def test_a_centre_that_is_cut_out_counts_as_a_part_of_a_larger_frame():
    assert target_of(InputSpec(30, 40, 3, crop=0.75)) == (40, 54)


def test_image_files_are_sorted_and_hidden_and_other_files_left_out(tmp_path):
    for name in (
        "b.PNG",
        "a.jpeg",
        "c.JPG",
        ".hidden.png",
        "._c.jpg",
        "notes.txt",
        "d.webp",
        "e.GIF",
        "f.tif",
        "g.bmp",
    ):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in image_files(tmp_path)] == [
        "a.jpeg",
        "b.PNG",
        "c.JPG",
        "d.webp",
        "e.GIF",
        "f.tif",
        "g.bmp",
    ]


def test_images_of_subfolders_come_after_those_of_their_folder(tmp_path):
    for name in ("b.png", "a/2.jpg", "a/1.jpg", "a/deep/3.jpg", "z/9.png", ".hidden/x.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "z" / "again").symlink_to(tmp_path)
    paths = [str(path.relative_to(tmp_path)) for path in image_files_below(tmp_path)]
    assert paths == ["b.png", "a/1.jpg", "a/2.jpg", "a/deep/3.jpg", "z/9.png"]


def test_image_files_of_a_missing_folder_are_not_found(tmp_path):
    with pytest.raises(NotFoundError, match=r"no folder '.*nowhere'"):
        image_files(tmp_path / "nowhere")


def test_importing_the_module_does_not_import_pillow():
    code = "import sys, edgeready_device.images.decode; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_pillow_the_error_names_the_extra(saved):
    # A module of None is Python's own way of saying that an import fails.
    code = (
        "import sys; sys.modules['PIL'] = None\n"
        "from edgeready_device.errors import RuntimeUnavailableError\n"
        "from edgeready_device.images.decode import read_image\n"
        "try:\n    read_image(sys.argv[1], 3)\n"
        "except RuntimeUnavailableError as error:\n    print(error)\n"
    )
    path = saved(Image.new("L", (2, 2)))
    result = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert result.stdout == (
        'Pillow is not installed, so image files cannot be read: pip install "edgeready-device[images]"\n'
    )


def test_crop_lets_no_colour_in_from_outside_the_part():
    frame = np.zeros((60, 200, 3), dtype=np.uint8)
    frame[:, 70:130] = GREEN
    assert (resize_frame(frame, 24, 24, "crop") == GREEN).all()


def test_images_read_in_threads_leave_the_process_its_warning_filters(saved):
    path = saved(Image.new("RGB", (4, 4)))
    before = list(warnings.filters)
    threads = [threading.Thread(target=lambda: [read_image(path, 3) for _ in range(60)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before
