import pytest
import torch

from hiera_compiler.emit import prelude


@pytest.mark.parametrize("across_units", [False, True])
def test_both_attention_paths_agree(across_units: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    query = torch.randn(2, 3, 2, 8)
    key, value = torch.randn(2, 2, 3, 4, 8).unbind()
    given, direction = [x.requires_grad_() for x in (query, key, value)], torch.randn(2, 3, 2, 8)
    outputs = []
    for explicit in (True, False):
        monkeypatch.setattr(prelude, "explicit_products_win", lambda key, explicit=explicit: explicit)
        mixed = prelude.attend(query, key, value, heads=2, across_units=across_units)
        outputs.append([mixed, *torch.autograd.grad(mixed, given, direction)])
    torch.testing.assert_close(*outputs)


@pytest.mark.parametrize(
    ("dtype", "tokens", "multiplies", "explicit"),
    [
        (torch.bfloat16, 196, True, True),
        (torch.bfloat16, 784, True, False),
        (torch.bfloat16, 196, False, False),
        (torch.float32, 16, True, False),
    ],
)
def test_eager_attention_is_explicit_only_in_bfloat16_over_few_tokens_where_the_cpu_multiplies_it(
    dtype: torch.dtype, tokens: int, multiplies: bool, explicit: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prelude, "BFLOAT16_PRODUCTS", multiplies)
    assert prelude.explicit_products_win(torch.zeros(1, 1, tokens, 8, dtype=dtype)) is explicit
    assert not prelude.explicit_products_win(torch.zeros(1, 1, tokens, 8, dtype=dtype, device="meta"))


@pytest.mark.parametrize(("tokens", "explicit"), [(64, True), (196, False)])
def test_compiled_attention_is_explicit_in_float32_over_few_tokens(tokens: int, explicit: bool) -> None:
    @torch.compile(backend="eager", fullgraph=True)
    def chosen(key: torch.Tensor) -> torch.Tensor:
        return key + 1 if prelude.explicit_products_win(key) else key

    assert chosen(torch.zeros(1, 1, tokens, 8)).sum() == (tokens * 8 if explicit else 0)


def test_exported_attention_is_fused() -> None:
    class Attention(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return prelude.attend(x, x, x, heads=1, across_units=False)

    program = torch.export.export(Attention(), (torch.zeros(2, 3, 4, 8),))
    assert any("scaled_dot_product" in str(node.target) for node in program.graph.nodes)


@pytest.mark.parametrize(("tokens", "width", "explicit"), [(512, 32, True), (513, 32, False), (1536, 96, True)])
def test_in_training_products_in_bfloat16_win_over_more_keys(
    tokens: int, width: int, explicit: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prelude, "BFLOAT16_PRODUCTS", True)
    key = torch.zeros(1, 1, tokens, width, dtype=torch.bfloat16)
    assert not prelude.explicit_products_win(key)
    assert prelude.explicit_products_win(key.requires_grad_()) is explicit
