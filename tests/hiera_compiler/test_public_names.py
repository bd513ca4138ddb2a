import hiera_compiler as hc


def test_there_are_ten_public_names() -> None:
    assert {name: getattr(hc, name).__name__ for name in hc.__all__} == {
        "Compilation": "Compilation",
        "Cost": "Cost",
        "Diagnostic": "Diagnostic",
        "Graph": "Graph",
        "Spec": "Spec",
        "SpecError": "SpecError",
        "bundled_specs": "names",
        "compile": "compile",
        "json_schema": "json_schema",
        "load_weights": "load_weights",
    }
