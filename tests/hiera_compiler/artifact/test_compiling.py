"""Compiling for a comparison: where compiled code is kept, and what is said of a compiler that fails."""

import os
from pathlib import Path

import pytest
import torch

import hiera_compiler as hc
from hiera_compiler.artifact import compiling, problems
from hiera_compiler.emit.compiled import compile_blocks


def test_compiled_code_is_kept_in_the_users_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "restored after the test")
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / name))
    compiling.use_cache()
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "hiera" / "inductor")


def test_the_users_own_cache_folder_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    compiling.use_cache()
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path)


def test_a_cache_folder_that_cannot_be_written_is_left_to_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "restored after the test")
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "file"))
    compiling.use_cache()
    assert "TORCHINDUCTOR_CACHE_DIR" not in os.environ


def test_a_compiler_that_fails_is_told_with_its_first_complaint(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor import exc

    def fail(module: torch.nn.Module) -> torch.nn.Module:
        raise exc.CppCompileError(
            ["g++"], "In file included from x.h:3\nx.cpp:1:10: fatal error: Python.h: No such file"
        )

    monkeypatch.setattr(compiling, "compile_blocks", fail)
    with pytest.raises(compiling.CannotCompileError) as error:
        compiling.compiled_outputs(torch.nn.Identity(), torch.zeros(1))
    assert error.value.warning == problems.compiler_failed("x.cpp:1:10: fatal error: Python.h: No such file")


def test_an_error_of_the_compilers_own_is_not_blamed_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor import exc

    def fail(module: torch.nn.Module) -> torch.nn.Module:
        raise exc.InductorError(AssertionError("a bug"), None)

    monkeypatch.setattr(compiling, "compile_blocks", fail)
    with pytest.raises(exc.InductorError, match="a bug"):
        compiling.compiled_outputs(torch.nn.Identity(), torch.zeros(1))


def test_blocks_are_compiled_and_layers_of_a_neck_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[torch.nn.Module] = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module, **options: compiled.append(module))
    small = ["input.size=32", "stages.2.depth=1", "mask_unit=8"]
    model = compile_blocks(hc.compile("hiera_t", [*small, "neck=feature_pyramid"]).module("meta"))
    assert compiled == list(model.get_submodule("blocks").children())
    compiled.clear()
    model = compile_blocks(hc.compile("hiera_t", ["input.size=64", "stages.2.depth=1"], "mae").module("meta"))
    assert compiled == [
        block for name in ("blocks", "decoder_blocks") for block in model.get_submodule(name).children()
    ]
