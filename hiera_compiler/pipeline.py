"""The compiler's phases, from a spec's text to a module."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from os import PathLike, fspath
from typing import TYPE_CHECKING, Literal, get_args

from hiera_compiler import checks, estimate
from hiera_compiler import lower as lowering
from hiera_compiler.diagnostics import SpecError
from hiera_compiler.ir import Graph
from hiera_compiler.ir.builder import LoweringError
from hiera_compiler.source import Source, load
from hiera_compiler.spec import Spec, parse, parse_known

if TYPE_CHECKING:
    import torch
    from torch import nn

    from hiera_compiler.weights import LoadReport


Task = Literal["classify", "mae"]
"""What a module is for: to classify (without a head, to give features), or to be pretrained by masked autoencoding."""


class Compilation:
    """One spec on its way to a module. Each phase runs when it is first asked for, and once."""

    def __init__(self, source: Source, task: Task = "classify") -> None:
        if task not in get_args(Task):
            raise ValueError(f"there is no task {task!r}, only {' and '.join(get_args(Task))}")
        self.source = source
        self.task = task

    @cached_property
    def spec(self) -> Spec:
        """The spec, resolved; raises SpecError with every problem of form and every broken rule that can be seen."""
        try:
            spec = parse(self.source)
        except SpecError as error:
            known = parse_known(self.source)
            broken = checks.check_spec(known, self.source) if known is not None else []
            raise SpecError([*error.diagnostics, *broken]) from None
        found = checks.check_spec(spec, self.source)
        if found:
            raise SpecError(found)
        return spec.resolved()

    @cached_property
    def graph(self) -> Graph:
        """The graph, with all shapes; raises SpecError where the spec cannot become one."""
        spec = self.spec
        broken = checks.check_mae(spec, self.source) if self.task == "mae" else []
        if broken:
            raise SpecError(broken)
        try:
            graph = lowering.lower_mae(spec) if self.task == "mae" else lowering.lower(spec)
        except LoweringError as error:
            raise SpecError([checks.check_lowering(error, self.source)]) from error
        found = checks.check_graph(graph, self.source)
        if found:
            raise SpecError(found)
        return graph

    @property
    def name(self) -> str:
        """The spec's name, and behind it the task where that is not to classify: ``hiera_b_mae``."""
        return self.spec.name if self.task == "classify" else f"{self.spec.name}_{self.task}"

    @cached_property
    def cost(self) -> estimate.Cost:
        """Parameters and multiply-accumulates, whole and by stage, for one sample."""
        return estimate.cost(self.graph)

    @cached_property
    def released_cost(self) -> estimate.Cost:
        """The cost as in the authors' code, whose autoencoder embeds the whole input, and predicts for seen tokens."""
        cost = self.cost  # which raises SpecError where the spec has none
        return estimate.cost(lowering.lower_mae(self.spec, early=False)) if self.task == "mae" else cost

    @cached_property
    def python(self) -> str:
        """The model as one Python file that needs only torch."""
        from hiera_compiler import emit

        cost, spec = self.cost, self.spec
        size = "x".join(map(str, spec.input_shape))
        summary = f"{spec.name}: input {size}, {cost.params / 1e6:.2f} M parameters, {cost.macs / 1e9:.2f} GMACs."
        if self.task == "mae":
            summary = f"Masked autoencoder of {summary}"
        title = f'"""{spec.name}, written by the Hiera compiler from the spec {spec.hash[:12]}; needs torch alone."""'
        if self.task == "mae":
            text = emit.autoencoder_source(self.graph, self.class_name, summary)
        else:
            text = emit.module_source(self.graph, spec.name, summary)
        return f"{title}\n\n{emit.prelude_source(text, self.graph)}\n\n{text}"

    @property
    def class_name(self) -> str:
        """The name of the module's class."""
        from hiera_compiler import emit

        name = f"{self.spec.name}_autoencoder" if self.task == "mae" else self.spec.name
        return emit.class_name(name, self.graph)

    def module(
        self,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        weights: str | PathLike[str] | None = None,
    ) -> nn.Module:
        """A new module, in training mode, with the reference's initial weights or with those of a checkpoint file.

        It maps ``[batch, *spec.input_shape]`` to logits ``[batch, classes]``; where the spec has no head, to the maps
        of its neck, or without one to those of its stages. ``module.features(x, mask=None)`` gives the maps of every
        stage, ``module.pyramid(x)`` those of the neck, finest first. A masked autoencoder's
        ``module(x, mask=None)`` gives loss, prediction, target and mask. Pixels of another shape, and masks that do not
        fit them, raise ValueError. ``load`` also tells what it did with the file.
        """
        import torch

        from hiera_compiler import emit

        if weights is not None:
            return self.load(weights, device, dtype)[0]
        device = torch.device(device) if device is not None else torch.get_default_device()
        with device:
            module = self._model_class()()
        emit.require_weights(module, self.graph)
        # The rates of dropped paths are made on the CPU. Moved to the meta device they would be lost.
        return module.to(dtype=dtype) if device.type == "meta" else module.to(device, dtype)

    def load(
        self,
        weights: str | PathLike[str],
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> tuple[nn.Module, LoadReport]:
        """A new module with a checkpoint's weights, and which of its keys were missing, unexpected or resized.

        The key layouts of the family's public code (docs/weights.md) are told apart by themselves. What the
        file lacks of norm, neck and head, or has for another number of classes, keeps the reference's initial weights
        (``report.missing``, ``report.skipped``). Raises SpecError where the file cannot be read or holds another
        architecture.
        """
        import torch

        from hiera_compiler.weights import load_weights

        device = torch.device(device) if device is not None else torch.get_default_device()
        # What a file lacks of a classifier is made where it is loaded; an autoencoder may lack its whole decoder.
        module = self.module("meta" if self.task == "classify" else device, dtype)
        report = load_weights(module, weights, self.graph, device, self._pooled_again)
        return module.to(device), report

    def classifier(self, pretrained: nn.Module) -> tuple[nn.Module, LoadReport]:
        """A new classifier of the spec, to be fine-tuned, with the encoder of a masked autoencoder; and what it took.

        ``encoder_norm`` becomes its norm, the head is new, its last stage pools again (by new weights, where it has
        any), and position tables of another input size are resized. It is on the CPU, whatever the autoencoder is on.
        Raises SpecError where that is of another architecture.
        """
        from hiera_compiler.weights.load import load_tensors

        compilation = Compilation(self.source)
        state = {name: tensor.detach().cpu() for name, tensor in pretrained.state_dict().items()}
        module = compilation.module("cpu")
        report = load_tensors(
            module, "the masked autoencoder", [state], compilation.graph, pooled_again=compilation._pooled_again
        )
        return module, report

    @property
    def _pooled_again(self) -> dict[str, tuple[int, ...] | None]:
        """The weights that pretraining has not, as the last stage does not pool then, or of the shape that is given."""
        if self.task == "mae" or self.spec.mask_unit is None or self.spec.stages[-1].pool is None:
            return {}
        try:
            encoder = lowering.lower(lowering.encoder_of(self.spec))
        except LoweringError:  # it cannot be pretrained
            return {}
        before = encoder.parameters()
        return {name: before.get(name) for name, shape in self.graph.parameters().items() if before.get(name) != shape}

    def _model_class(self) -> type[nn.Module]:
        from hiera_compiler import emit

        return emit.load_class(self.python, self.class_name)


def compile(spec: str | PathLike[str], settings: Sequence[str] = (), task: Task = "classify") -> Compilation:
    """The compilation of a spec file or of a bundled spec's name, with settings such as ``stages.2.depth=18``.

    With the task ``mae`` it is that of the masked autoencoder that pretrains the spec's trunk. Raises SpecError where
    the file cannot be read; later problems are raised by the phase that finds them. Raises ValueError for another task.
    """
    return Compilation(load(fspath(spec), settings), task)
