"""The public Hiera implementations that the tests compare with, importable beside a CPU-only torch.

timm imports torchvision; hiera-transformer imports timm, and transformers imports both. The torchvision wheel
of the package index is linked against CUDA: beside a CPU-only torch its operators do not load, and importing
it fails at the first of the two whose meta kernels it registers without asking. Defining the schemas of these
two first is enough, for no Hiera runs them.

Each function imports its package when it is called, so that a light test stays light. The modules come as
Any: checking their types would take longer than checking ours, and not all of them have types.
"""

import functools
import importlib
import importlib.util
import os
from pathlib import Path
from typing import Any

SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


@functools.cache
def hiera_reference() -> Any:
    """The authors' package `hiera` (hiera-transformer on the package index)."""
    define_missing_torchvision_ops()
    return importlib.import_module("hiera")


@functools.cache
def timm() -> Any:
    """The package `timm`, which names its models `hiera_tiny_224` and so on."""
    define_missing_torchvision_ops()
    return importlib.import_module("timm")


@functools.cache
def transformers() -> Any:
    """The package `transformers`, told not to look for anything on the network."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    define_missing_torchvision_ops()
    return importlib.import_module("transformers")


@functools.cache
def define_missing_torchvision_ops() -> Any:
    """The library that holds the two schemas, or None where torchvision's own operators load.

    The cache keeps the library alive: torch withdraws the schemas of one that is garbage-collected.
    """
    import torch

    if torchvision_ops_load():
        return None
    # A fragment, for the product declares the same two where it imports timm.
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, operator):
            library.define(f"{operator}{SCHEMA}")
    return library


def torchvision_ops_load() -> bool:
    """Whether torchvision's compiled operators load into this torch; torchvision is not imported."""
    import torch

    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("torchvision is not installed: pip install -c constraints.txt -e '.[dev]'")
    compiled = [path for path in Path(spec.origin).parent.glob("_C.*") if path.suffix in {".so", ".pyd"}]
    try:
        for path in compiled:
            torch.ops.load_library(path)
    except OSError:
        return False
    return bool(compiled)
