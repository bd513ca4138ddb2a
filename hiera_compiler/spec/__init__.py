"""The spec: pydantic models of what a user writes, and the way there from a source."""

from hiera_compiler.spec.form import parse, parse_known
from hiera_compiler.spec.mae import Decoder, MaskedAutoencoding
from hiera_compiler.spec.model import Spec
from hiera_compiler.spec.parts import Head, Input, Patch, Stage, StochasticDepth
from hiera_compiler.spec.schema import json_schema
from hiera_compiler.spec.space_schema import space_schema

__all__ = [
    "Decoder",
    "Head",
    "Input",
    "MaskedAutoencoding",
    "Patch",
    "Spec",
    "Stage",
    "StochasticDepth",
    "json_schema",
    "parse",
    "parse_known",
    "space_schema",
]
