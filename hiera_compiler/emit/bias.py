"""A rewrite of compiled graphs for the CPU; importing it loads inductor, which takes more than a second."""

from __future__ import annotations

import torch
from torch import fx
from torch._inductor.custom_graph_pass import CustomGraphPass, get_hash_for_files


class BiasAfterProduct(CustomGraphPass):
    """Linear layers on the CPU as a product and an addition of its own, which then fuses with what follows.

    Left whole, each one first fills its output with the bias and then adds the product to it: one pass over
    memory more than the activation or the residual addition that could have taken the bias along.
    """

    def __call__(self, graph: fx.Graph) -> None:
        aten = torch.ops.aten
        for node in graph.find_nodes(op="call_function", target=aten.addmm.default):
            if node.kwargs or node.meta["val"].device.type != "cpu":
                continue
            bias, left, right = node.args
            with graph.inserting_before(node):
                product = graph.call_function(aten.mm.default, (left, right))
                total = graph.call_function(aten.add.Tensor, (product, bias))
            product.meta["val"] = total.meta["val"] = node.meta["val"]
            node.replace_all_uses_with(total)
            graph.erase_node(node)

    def uuid(self) -> bytes:
        """The hash of this file: code cached for another version of it is not taken."""
        return get_hash_for_files((__file__,))


BIAS_AFTER_PRODUCT = BiasAfterProduct()
"""One object for all blocks: they share compiled code where their options are equal."""
