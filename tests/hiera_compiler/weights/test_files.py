"""What is read as a checkpoint, and the one diagnostic that each other file gets."""

import argparse
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import hiera_compiler as hc
from hiera_compiler.diagnostics import Diagnostic


class Attack:
    """An object whose pickle makes a folder when it is read."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


def refusal(compilation: hc.Compilation, file: Path) -> Diagnostic:
    with pytest.raises(hc.SpecError) as caught:
        compilation.load(file)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.span is not None
    assert diagnostic.span.text.name == str(file)
    return diagnostic


@pytest.mark.parametrize("entry", [None, "model_state", "model", "state_dict", "anything"])
@pytest.mark.parametrize("zipped", [True, False])
def test_torch_file_is_read_alone_or_in_an_entry(
    entry: str | None, zipped: bool, compilation: hc.Compilation, trained: dict[str, Tensor], tmp_path: Path
) -> None:
    content = trained if entry is None else {"epoch": 3, "options": {"lr": 0.1}, entry: trained}
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    module, report = compilation.load(tmp_path / "w.pth")
    assert report.loaded == len(trained)
    assert all(torch.equal(value, trained[name]) for name, value in module.state_dict().items())


def test_state_dict_deep_inside_dictionaries_is_found(
    compilation: hc.Compilation, trained: dict[str, Tensor], tmp_path: Path
) -> None:
    content: dict[str, Any] = {"epoch": 3, "state": {"ema": {"model": trained}}}
    content["state"]["whole"] = content
    torch.save(content, tmp_path / "w.pth")
    assert compilation.load(tmp_path / "w.pth")[1].loaded == len(trained)
    del content["state"]["ema"]
    torch.save(content, tmp_path / "w.pth")
    assert refusal(compilation, tmp_path / "w.pth").code == "H804"


def test_program_of_torchscript_is_said_to_be_one(compilation: hc.Compilation, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w/code/__torch__.py", "class Model(Module):\n  pass\n")
        archive.writestr("w/data.pkl", b"\x80\x02}.")
    diagnostic = refusal(compilation, tmp_path / "w.pt")
    assert (diagnostic.code, diagnostic.message) == ("H803", "the file is a program of TorchScript, which is code")
    assert "state dict" in (diagnostic.help or "")


def test_format_is_told_by_the_content_not_the_name(
    compilation: hc.Compilation, trained: dict[str, Tensor], tmp_path: Path
) -> None:
    save_file(trained, tmp_path / "w.bin")
    assert compilation.load(tmp_path / "w.bin")[1].loaded == len(trained)


def test_weights_outlive_their_file(compilation: hc.Compilation, trained: dict[str, Tensor], tmp_path: Path) -> None:
    for name in ("w.safetensors", "w.pth"):
        file = tmp_path / name
        save_file(trained, file) if file.suffix == ".safetensors" else torch.save(trained, file)
        module = compilation.module(weights=file)
        file.write_bytes(bytes(file.stat().st_size))
        assert all(torch.equal(value, trained[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize("zipped", [True, False])
def test_pickle_that_would_run_code_is_refused_and_not_run(
    zipped: bool, compilation: hc.Compilation, trained: dict[str, Tensor], tmp_path: Path
) -> None:
    content = {"model_state": trained, "extra": Attack(tmp_path / "ran")}
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    diagnostic = refusal(compilation, tmp_path / "w.pth")
    assert diagnostic.code == "H802"
    assert ".mkdir" in diagnostic.message
    assert not (tmp_path / "ran").exists()


def test_plain_pickle_is_refused_and_not_run(compilation: hc.Compilation, tmp_path: Path) -> None:
    (tmp_path / "w.pkl").write_bytes(pickle.dumps(Attack(tmp_path / "ran")))
    assert refusal(compilation, tmp_path / "w.pkl").code == "H802"
    assert not (tmp_path / "ran").exists()


def test_stored_options_are_refused_by_name(
    compilation: hc.Compilation, trained: dict[str, Tensor], tmp_path: Path
) -> None:
    torch.save({"args": argparse.Namespace(lr=0.1), "model": trained}, tmp_path / "w.pth")
    diagnostic = refusal(compilation, tmp_path / "w.pth")
    assert diagnostic.message == "the file asks for argparse.Namespace to be run when it is read, and was not read"
    assert "state dict" in (diagnostic.help or "")


@pytest.mark.parametrize("cut", [1, 7, 20, 200, 5_000, -1, -100])
@pytest.mark.parametrize("kind", ["safetensors", "zip", "legacy"])
def test_cut_off_file_is_no_checkpoint(
    kind: str, cut: int, compilation: hc.Compilation, trained: dict[str, Tensor], tmp_path: Path
) -> None:
    file = tmp_path / ("w.safetensors" if kind == "safetensors" else "w.pth")
    if kind == "safetensors":
        save_file(trained, file)
    else:
        torch.save(trained, file, _use_new_zipfile_serialization=kind == "zip")
    file.write_bytes(file.read_bytes()[:cut])
    assert refusal(compilation, file).code == "H803"


def test_other_files_are_no_checkpoints(compilation: hc.Compilation, tmp_path: Path) -> None:
    file = tmp_path / "w.pth"
    contents = {
        "is empty": b"",
        "is neither a whole torch file nor safetensors": b"<!DOCTYPE html><html></html>",
        "is a Git LFS pointer to the weights": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    }
    for what, content in contents.items():
        file.write_bytes(content)
        diagnostic = refusal(compilation, file)
        assert (diagnostic.code, diagnostic.message) == ("H803", f"the file {what}")
    torch.save(torch.zeros(3), file)
    assert refusal(compilation, file).message == "the file holds no dictionary of weights"
    np.savez(tmp_path / "w.npz", weight=np.zeros(3))
    assert refusal(compilation, tmp_path / "w.npz").code == "H803"


def test_missing_file_and_folder_are_refused(compilation: hc.Compilation, tmp_path: Path) -> None:
    assert refusal(compilation, tmp_path / "w.pth").message == ("the weights cannot be read: no such file or directory")
    assert "folder" in (refusal(compilation, tmp_path / "no" / "w.pth").help or "")
    assert refusal(compilation, tmp_path).message == "the weights cannot be read: it is a folder"
    with pytest.raises(hc.SpecError, match="H801"):
        compilation.load("a\0b")


def test_keys_of_another_model_are_shown(compilation: hc.Compilation, tmp_path: Path) -> None:
    save_file({f"layer{index}.weight": torch.zeros(2) for index in range(5)}, tmp_path / "w.safetensors")
    diagnostic = refusal(compilation, tmp_path / "w.safetensors")
    assert diagnostic.code == "H804"
    assert diagnostic.notes == ("the keys are layer0.weight, layer1.weight, layer2.weight and 2 more",)
    assert ", timm's ViT or hiera-transformer" in (diagnostic.help or "")


def test_a_few_values_repeated_without_end_are_not_taken_for_weights(
    compilation: hc.Compilation, trained: dict[str, Tensor], tmp_path: Path
) -> None:
    # Stride 0: a kilobyte on disk that would fill any memory when it is resized.
    table = torch.zeros(1, 1, 8).expand(1, 2**40, 8)
    torch.save({**trained, "pos_embed": table}, tmp_path / "w.pth")
    assert refusal(compilation, tmp_path / "w.pth").code == "H805"


def test_compressed_archive_is_refused_since_its_bytes_are_not_the_weights(
    compilation: hc.Compilation, trained: dict[str, Tensor], tmp_path: Path
) -> None:
    torch.save(trained, tmp_path / "w.pth")
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        packed = tmp_path / f"packed{method}.pth"
        with zipfile.ZipFile(tmp_path / "w.pth") as old, zipfile.ZipFile(packed, "w", method) as new:
            for name in old.namelist():
                new.writestr(name, old.read(name))
    module = compilation.module(weights=tmp_path / f"packed{zipfile.ZIP_STORED}.pth")
    assert all(torch.equal(value, trained[name]) for name, value in module.state_dict().items())
    diagnostic = refusal(compilation, tmp_path / f"packed{zipfile.ZIP_DEFLATED}.pth")
    assert diagnostic.code == "H803"
    assert "compressed entries" in diagnostic.message


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")  # torch's word to who makes one
def test_a_tensor_of_several_shapes_is_no_weight(
    compilation: hc.Compilation, trained: dict[str, Tensor], tmp_path: Path
) -> None:
    ragged = torch.nested.nested_tensor([torch.zeros(2, 3), torch.zeros(1, 3)])
    torch.save({**trained, "pos_embed": ragged}, tmp_path / "w.pth")
    assert refusal(compilation, tmp_path / "w.pth").code == "H805"
