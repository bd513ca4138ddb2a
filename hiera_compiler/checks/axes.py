"""H2xx: rules on the axes of a spec, and on what its parts need of each other whatever the numbers.

They see the whole spec, as it is written; of the stages each is looked at by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from hiera_compiler.diagnostics import Diagnostic, Label, code
from hiera_compiler.kinds import extents
from hiera_compiler.source import Source
from hiera_compiler.spec import Spec
from hiera_compiler.spec.fields import Path


@code("H202")
def extents_fit_the_input(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """An image has two axes (height, width), a clip three (time, height, width).

    Kernels, strides, paddings and the mask unit take one number per axis. One number alone stands for
    height and width, and leaves time as it is. The size of the input is always height and width; a clip
    says its time with `frames`.
    """
    size = ("input", "size")
    wrong = {
        path: (rule, value) for path, rule, value in extents(spec) if len(value) not in (1, rule.length(spec.axes))
    }
    of_space = {path: value for path, (rule, value) in wrong.items() if rule.time is None}
    others = {path: value for path, (_, value) in wrong.items() if path not in of_space}
    for path, value in of_space.items():
        what = "the input's size" if path == size else str(path[-1])
        frames = f", and frames: {value[0]} beside it for a clip" if path == size else ""
        yield Diagnostic(
            "H202",
            f"{what} has {len(value)} numbers, and it is a height and a width",
            (Label(source.value(path), f"{len(value)} numbers"),),
            help=f"write {path[-1]}: {list(value[-2:])}{frames}",
        )
    if others and size not in of_space:
        yield _extents_of_another_input(others, spec, source)


def _extents_of_another_input(wrong: dict[Path, tuple[int, ...]], spec: Spec, source: Source) -> Diagnostic:
    """All of them in one diagnostic: the likely cause is one, that the input is meant as the other."""
    labels = [Label(source.value(path), f"{len(value)} numbers") for path, value in wrong.items()]
    *others, last = dict.fromkeys(str(path[-1]) for path in wrong)
    names = f"{', '.join(others)} and {last}" if others else last
    has = "has" if len(wrong) == 1 else "have"
    value = next(iter(wrong.values()))
    if spec.axes == 3:
        message = f"the input is a clip, and {names} {has} {len(value)} numbers instead of 3"
        labels.append(Label(source.key(("input", "frames")), "makes it a clip"))
        fix = f"write [time, height, width], such as {[1, *value]}, or leave out the frames"
    else:
        message = f"the input is an image, and {names} {has} {len(value)} numbers instead of 2"
        labels.append(Label(source.key(("input",)), "has no frames"))
        fix = f"write [height, width], such as {list(value[-2:])}, or give the input frames"
    return Diagnostic("H202", message, tuple(labels), help=fix)


@code("H203")
def position_is_for_clips(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """Separable position embedding is one table for space and one for time, so it needs a clip.

    A position kind says by `frames` which input it needs, where it does not take both.
    """
    if spec.position.frames is True and spec.axes == 2:
        yield Diagnostic(
            "H203",
            f"{spec.position.kind} position embedding needs a clip, and the input is an image",
            (
                Label(source.value(("position",)), "knows of time"),
                Label(source.value(("input",)), "has no frames"),
            ),
            help="use position: absolute, or give the input frames",
        )


@code("H206")
def class_token_needs_a_whole_grid(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """A class token stands before the tokens of the whole grid, so there can be no mask units.

    Tokens that are ordered by mask unit have no place for one more: it would belong to no unit.
    """
    if spec.class_token and spec.mask_unit is not None:
        yield Diagnostic(
            "H206",
            "a class token belongs to no mask unit",
            (
                Label(source.value(("class_token",)), "one more token"),
                Label(source.value(("mask_unit",)), "cuts the grid into mask units"),
            ),
            help="use mask_unit: none, or leave out the class token",
        )


@code("H207")
def head_reads_a_class_token_that_is_there(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """A head that reads the class token needs a model that has one."""
    if spec.head is not None and spec.head.pooling == "class_token" and not spec.class_token:
        yield Diagnostic(
            "H207",
            "the head reads a class token, and the model has none",
            (Label(source.value(("head", "pooling")), "reads the class token"),),
            help="use pooling: mean, or class_token: true at the top of the spec",
        )


@code("H208")
def attention_fits_the_mask_units(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """Some attention kinds need mask units, and some need a grid that is not cut into them.

    Attention inside mask units needs units. Windows lie anywhere on the grid, so that they would mix what masking
    must keep apart: they need a spec that says `mask_unit: none`.
    """
    has = spec.mask_unit is not None
    for index, stage in enumerate(spec.stages):
        needs = stage.attention.mask_units
        if needs is not None and needs != has:
            yield Diagnostic(
                "H208",
                f"{stage.attention.kind} attention needs "
                + ("mask units, and the model has none" if needs else "the whole grid, and mask units cut it"),
                (
                    Label(source.value(("stages", index, "attention")), f"attends by {stage.attention.kind}"),
                    Label(source.value(("mask_unit",)), "mask units" if has else "no mask units"),
                ),
                help="give mask_unit a size, or use attention: global"
                if needs
                else "use mask_unit: none, or attention: mask_unit",
            )


@code("H209")
def position_is_for_images(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """Position tables that are stretched are tables of a plane, so they need an image.

    A position kind says by `frames` which input it needs, where it does not take both.
    """
    if spec.position.frames is False and spec.axes == 3:
        yield Diagnostic(
            "H209",
            f"this {spec.position.kind} position embedding needs an image, and the input is a clip",
            (
                Label(source.value(("position",)), "knows nothing of time"),
                Label(source.key(("input", "frames")), "makes it a clip"),
            ),
            help="use position: separable or absolute, without a base, or leave out the frames",
        )


@code("H210")
def attention_has_a_place_for_the_class_token(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """Windows hold the tokens of the grid, and a class token is in none of them."""
    for index, stage in enumerate(spec.stages):
        if not spec.class_token or stage.attention.takes_class_token:
            continue
        attention = stage.attention
        fact, label = f"{attention.kind} attention", f"attends by {attention.kind}"
        help = "use attention: global, or leave out the class token"
        if getattr(attention, "window", None) is not None:
            fact, label = "attention in windows", "attends in windows"
            if attention.model_copy(update={"window": None}).takes_class_token:
                help = "leave out the window or the class token"
        yield Diagnostic(
            "H210",
            f"{fact} has no place for a class token",
            (
                Label(source.value(("stages", index, "attention")), label),
                Label(source.value(("class_token",)), "one more token"),
            ),
            help=help,
        )


# Those that read stages come last: a search asks the others first, once for all stages.
AXIS_RULES = (
    position_is_for_clips,
    class_token_needs_a_whole_grid,
    head_reads_a_class_token_that_is_there,
    position_is_for_images,
    extents_fit_the_input,
    attention_fits_the_mask_units,
    attention_has_a_place_for_the_class_token,
)
