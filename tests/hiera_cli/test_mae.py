"""`hiera build --task mae` and `hiera show --mae`."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageChops
from PIL.GifImagePlugin import GifImageFile
from safetensors.torch import load_file, save_file

import hiera_compiler as hc
from hiera_compiler.artifact.sheet import CAPTION, GAP, MARGIN, corner
from tests.hiera_cli.conftest import Hiera

TINY = """\
name: tiny
input: {size: 64}
patch: {kernel: 7, stride: 4, padding: 3}
position: absolute
mask_unit: 8
stages:
  - {depth: 1, channels: 8, heads: 1, attention: mask_unit}
  - {depth: 1, channels: 16, heads: 2, attention: global, pool: max}
  - {depth: 1, channels: 16, heads: 2, attention: global, pool: max}
head: {classes: 5}
mae: {mask_ratio: 0.5, decoder: {depth: 1, channels: 16, heads: 2}}
"""
CLIP = ["--set", "input.frames=4", "--set", "mask_unit=[1, 8, 8]", "--set", "patch.stride=[2, 4, 4]"]
CLIP += ["--set", "patch.kernel=[2, 7, 7]", "--set", "patch.padding=[0, 3, 3]"]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(TINY)
    gradient = Image.linear_gradient("L").convert("RGB").resize((100, 80))
    gradient.save("picture.png")
    gradient.save("moving.gif", save_all=True, append_images=[gradient.rotate(angle) for angle in (90, 180, 270)])
    save_file(hc.compile("tiny.yaml", task="mae").module().state_dict(), "mae.safetensors")


def test_a_masked_autoencoder_is_built_exported_and_loaded_again(hiera: Hiera) -> None:
    formats = ["--emit", "python", "--emit", "export", "--emit", "onnx"]
    built = hiera("build", "tiny.yaml", "--task", "mae", "--no-compile", *formats, "--json")
    assert built.code == 0, built.err
    report = json.loads(built.out)
    assert (report["folder"], report["task"]) == ("build/tiny_mae", "mae")
    assert {check["what"] for check in report["checks"]} == {"model.py", "model.pt2", "model.onnx"}
    assert report["cost"]["params"] == hc.compile("tiny.yaml", task="mae").cost.params
    weights = "build/tiny_mae/weights.safetensors"
    again = hiera("build", "tiny.yaml", "--task", "mae", "--no-compile", "-o", "again", "--weights", weights)
    assert again.code == 0, again.err
    assert "missing" not in again.out
    assert Path("again/weights.safetensors").read_bytes() == Path(weights).read_bytes()
    classifier = hiera("build", "tiny.yaml", "--no-compile", "-o", "classifier", "--weights", weights)
    assert "missing, kept at initial values: head.projection.weight, head.projection.bias" in classifier.out
    taken, given = load_file("classifier/weights.safetensors"), load_file(weights)
    assert torch.equal(taken["norm.bias"], given["encoder_norm.bias"])


def test_an_autoencoder_of_histograms_is_written_in_every_format(hiera: Hiera) -> None:
    formats = ["--emit", "python", "--emit", "export", "--emit", "onnx"]
    built = hiera("build", "tiny.yaml", "--task", "mae", "--set", "mae.target=hog", "--no-compile", *formats, "--json")
    assert built.code == 0, built.err
    assert {check["what"] for check in json.loads(built.out)["checks"]} == {"model.py", "model.pt2", "model.onnx"}


def test_the_table_has_a_row_for_the_decoder(hiera: Hiera) -> None:
    shown = hiera("show", "tiny.yaml", "--mae")
    assert shown.code == 0, shown.err
    rows = [line.split()[0] for line in shown.out.splitlines() if line]
    assert rows.index("fusion") < rows.index("decoder") < rows.index("target")
    assert "masked tokens of 2 mask units" in shown.out
    assert "masked queries → global attention" in shown.out
    assert "the mask units that are kept, by the tokens in each" in shown.out
    assert "mask units that are kept" not in hiera("show", "tiny.yaml").out


def panels(file: str, side: int = 64) -> list[Image.Image]:
    """The three panels of the first row."""
    with Image.open(file) as picture:
        assert picture.size == (3 * side + 2 * GAP + 2 * MARGIN, CAPTION + side + 2 * MARGIN)
        corners = [corner(0, across, side, side) for across in range(3)]
        return [picture.crop((left, top, left + side, top + side)) for left, top in corners]


def caption_of(picture: Image.Image, row: int) -> Image.Image:
    """What stands above the first panel of a row."""
    left, top = corner(row, 0, 64, 64)
    return picture.crop((left, top - CAPTION, left + 64, top))


def test_a_picture_is_masked_and_reconstructed(hiera: Hiera) -> None:
    shown = hiera("show", "tiny.yaml", "--mae", "--image", "picture.png", "--weights", "mae.safetensors")
    assert shown.code == 0, shown.err
    assert "wrote tiny_mae.png: original, masked, reconstruction" in shown.out
    original, masked, reconstruction = panels("tiny_mae.png")
    for x, y in ((0, 0), (32, 0), (0, 32), (32, 32)):
        box = (x, y, x + 32, y + 32)
        dropped = masked.crop(box).getextrema() == ((128, 128),) * 3
        for other in (masked, reconstruction):
            same = ImageChops.difference(original.crop(box), other.crop(box)).getbbox() is None
            assert same is not dropped
    colours = [masked.getpixel(place) for place in ((16, 16), (48, 16), (16, 48), (48, 48))]
    assert colours.count((128, 128, 128)) == 2


def original(hiera: Hiera, file: str) -> Image.Image:
    """What the model is shown of a picture file."""
    shown = hiera("show", "tiny.yaml", "--mae", "--image", file, "--weights", "mae.safetensors", "-o", "out.png")
    assert (shown.code, shown.err) == (0, "")
    return panels("out.png")[0]


def test_a_photograph_is_turned_as_its_camera_was_held(hiera: Hiera) -> None:
    with Image.open("picture.png") as upright:
        turned = Image.Exif()
        turned[0x0112] = 6  # to be turned clockwise
        upright.rotate(90, expand=True).save("turned.png", exif=turned)
    assert ImageChops.difference(original(hiera, "turned.png"), original(hiera, "picture.png")).getbbox() is None


def test_sixteen_bits_and_transparent_colours_are_read_as_eight_and_as_colours(hiera: Hiera) -> None:
    grey = Image.linear_gradient("L")
    wide = b"".join(bytes((value, value)) for value in grey.tobytes())
    Image.frombytes("I;16", grey.size, wide).save("sixteen.png")
    grey.save("eight.png")
    grey.convert("RGB").quantize(8).save("palette.png", transparency=bytes([0, 0, 255]))
    eight = original(hiera, "eight.png")
    assert ImageChops.difference(original(hiera, "sixteen.png"), eight).getbbox() is None
    difference = ImageChops.difference(original(hiera, "palette.png"), eight)
    assert not any(any(band.histogram()[64:]) for band in difference.split())


def unknown_pixels() -> bytes:
    """A DDS file whose pixels are in a format that nobody knows: Pillow calls that unimplemented."""
    pixels = (32, 4, int.from_bytes(b"ZZZZ", "little"), 0, 0, 0, 0, 0)
    return (
        b"DDS " + struct.pack("<31I", 124, 0x1007, 8, 8, 0, 0, 0, *[0] * 11, *pixels, 0x1000, 0, 0, 0, 0) + bytes(256)
    )


def cut_off(file: str) -> bytes:
    whole = Path(file).read_bytes()
    return whole[: len(whole) // 2]


@pytest.mark.parametrize(
    "damaged",
    [unknown_pixels, lambda: cut_off("picture.png"), lambda: cut_off("moving.gif"), lambda: b"", lambda: b"BM" * 9],
    ids=["unknown format of pixels", "half a PNG", "half a GIF", "empty", "a header alone"],
)
def test_a_damaged_picture_is_a_diagnostic(hiera: Hiera, damaged: Callable[[], bytes]) -> None:
    Path("damaged").write_bytes(damaged())
    shown = hiera("show", "tiny.yaml", *CLIP, "--mae", "--image", "damaged", "--weights", "mae.safetensors")
    assert shown.code == 1
    assert "error[H740]" in shown.err
    assert "damaged" in shown.err
    assert not Path("tiny_mae.png").exists()


def test_too_little_memory_for_a_picture_is_not_called_damage(hiera: Hiera, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", full)
    shown = hiera("show", "tiny.yaml", "--mae", "--image", "picture.png", "--weights", "mae.safetensors")
    assert "H740" not in shown.err
    assert "memory" in shown.err


def test_only_the_frames_that_a_model_sees_are_read(hiera: Hiera, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    seek = GifImageFile.seek

    def counted(self: GifImageFile, frame: int) -> None:
        read.append(frame)
        seek(self, frame)

    monkeypatch.setattr(GifImageFile, "seek", counted)
    original(hiera, "moving.gif")
    assert set(read) <= {0}


def test_another_seed_drops_other_units_and_the_same_one_the_same(hiera: Hiera) -> None:
    common = ("show", "tiny.yaml", "--mae", "--image", "picture.png", "--weights", "mae.safetensors")
    for name, seed in (("a.png", "1"), ("b.png", "1"), ("c.png", "2"), ("d.png", "3")):
        assert hiera(*common, "-o", name, "--seed", seed).code == 0
    a, b, c, d = (Path(f"{name}.png").read_bytes() for name in "abcd")
    assert a == b
    assert {c, d} != {a}


def test_a_clip_gives_a_row_for_each_predicted_frame(hiera: Hiera) -> None:
    save_file(hc.compile("tiny.yaml", CLIP[1::2], task="mae").module().state_dict(), "clip.safetensors")
    shown = hiera("show", "tiny.yaml", *CLIP, "--mae", "--image", "moving.gif", "--weights", "clip.safetensors")
    assert shown.code == 0, shown.err
    with Image.open("tiny_mae.png") as picture:
        assert picture.size == (3 * 64 + 2 * GAP + 2 * MARGIN, 2 * (CAPTION + 64) + GAP + 2 * MARGIN)
        first, second = (caption_of(picture, row) for row in range(2))
    assert all(any(caption.convert("L").histogram()[:128]) for caption in (first, second))
    assert ImageChops.difference(first, second).getbbox() is not None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (["--image", "tiny.yaml"], "H740"),
        (["--image", "nothing.png"], "H740"),
        (["--set", "mae.target=hog"], "H741"),
        (["--set", "input.channels=2"], "H742"),
        (["--set", "mae.mask_ratio=0.9"], "H340"),
        (["--weights", "picture.png"], "H803"),
    ],
)
def test_what_cannot_be_shown_is_one_diagnostic(hiera: Hiera, change: list[str], code: str) -> None:
    arguments = ["--image", "picture.png", "--weights", "mae.safetensors", *change]
    shown = hiera("show", "tiny.yaml", "--mae", *arguments)
    assert shown.code == 1
    assert f"error[{code}]" in shown.err
    assert not Path("tiny_mae.png").exists()


def test_a_folder_is_no_picture_and_is_called_a_folder(hiera: Hiera) -> None:
    Path("folder.png").mkdir()
    shown = hiera("show", "tiny.yaml", "--mae", "--image", "folder.png", "--weights", "mae.safetensors")
    assert "error[H740]: the picture cannot be read: it is a folder" in shown.err


@pytest.mark.parametrize("file", ["picture.png", "mae.safetensors", "tiny.yaml"])
def test_what_is_read_is_not_written_over(hiera: Hiera, file: str) -> None:
    before = Path(file).read_bytes()
    options = ["--mae", "--image", "picture.png", "--weights", "mae.safetensors", "-o", f"./{file}"]
    shown = hiera("show", "tiny.yaml", *options)
    assert (shown.code, Path(file).read_bytes()) == (2, before)
    assert f"{file} is read, and would be replaced" in shown.err


def test_what_is_written_is_not_called_a_jpg(hiera: Hiera) -> None:
    options = ["--mae", "--image", "picture.png", "--weights", "mae.safetensors", "-o", "out.jpg"]
    shown = hiera("show", "tiny.yaml", *options)
    assert (shown.code, Path("out.jpg").exists()) == (2, False)
    assert "out.jpg would hold PNG: call it out.png" in shown.err


def test_weights_of_another_decoder_or_not_finite_make_no_picture(hiera: Hiera) -> None:
    whole = load_file("mae.safetensors")
    save_file({name: x for name, x in whole.items() if not name.startswith("decoder")}, "encoder.safetensors")
    save_file(whole | {"mask_token": whole["mask_token"] * float("nan")}, "broken.safetensors")
    deeper = hc.compile("tiny.yaml", ["mae.decoder.depth=2"], task="mae")
    save_file(deeper.module().state_dict(), "deeper.safetensors")
    for weights, code, words, *settings in (
        ("encoder.safetensors", "H744", "missing: decoder_pos_embed, decoder_embed.weight"),
        ("deeper.safetensors", "H744", "not used: decoder_blocks.1."),
        ("mae.safetensors", "H744", "not used: multi_scale_fusion_heads.0.", "--set", "mae.multi_scale=false"),
        ("broken.safetensors", "H731", "not finite themselves: mask_token"),
    ):
        shown = hiera("show", "tiny.yaml", "--mae", "--image", "picture.png", "--weights", weights, *settings)
        assert shown.code == 1
        assert f"error[{code}]" in shown.err
        assert words in shown.err
    assert not Path("tiny_mae.png").exists()


def test_a_spec_that_cannot_be_pretrained_is_a_diagnostic(hiera: Hiera) -> None:
    shown = hiera("show", "vit_b", "--mae")
    assert (shown.code, shown.out) == (1, "")
    assert "error[H344]" in shown.err


@pytest.mark.parametrize("other", [["--full"], ["--svg", "x.svg"]])
def test_a_picture_is_shown_without_the_graph(hiera: Hiera, other: list[str]) -> None:
    options = ["--mae", "--image", "picture.png", "--weights", "mae.safetensors"]
    shown = hiera("show", "tiny.yaml", *options, *other)
    assert shown.code == 2
    assert "--image goes without --full and --svg" in shown.err


@pytest.mark.parametrize("missing", ["--mae", "--weights", "--image"])
def test_a_picture_needs_all_its_options(hiera: Hiera, missing: str) -> None:
    options = {"--mae": [], "--image": ["picture.png"], "--weights": ["mae.safetensors"]}
    given = [word for name, values in options.items() if name != missing for word in (name, *values)]
    assert hiera("show", "tiny.yaml", *given).code == 2
