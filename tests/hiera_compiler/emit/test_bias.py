import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from hiera_compiler.emit.bias import BIAS_AFTER_PRODUCT


def traced(device: str) -> torch.fx.GraphModule:
    def layer(bias: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        return torch.addmm(bias, x, weight).relu()

    shapes = ((5,), (2, 3), (3, 5))
    module: torch.fx.GraphModule = make_fx(layer, tracing_mode="fake")(
        *(torch.ones(shape, device=device) for shape in shapes)
    )
    return module


def targets(module: torch.fx.GraphModule) -> list[str]:
    return [str(node.target) for node in module.graph.nodes if node.op == "call_function"]


def test_bias_is_added_after_the_product_with_the_same_result() -> None:
    module = traced("cpu")
    bias, x, weight = torch.randn(5), torch.randn(2, 3), torch.randn(3, 5)
    expected = module(bias, x, weight)
    BIAS_AFTER_PRODUCT(module.graph)
    module.recompile()
    assert targets(module) == ["aten.mm.default", "aten.add.Tensor", "aten.relu.default"]
    torch.testing.assert_close(module(bias, x, weight), expected)
    product, total = [node for node in module.graph.nodes if node.op == "call_function"][:2]
    assert product.meta["val"].shape == total.meta["val"].shape == (2, 5)


def test_linear_layers_of_other_devices_stay_whole() -> None:
    module = traced("meta")
    BIAS_AFTER_PRODUCT(module.graph)
    assert targets(module) == ["aten.addmm.default", "aten.relu.default"]
