"""Graph to module: Python text, and the torch classes that it defines. From this floor up torch is imported."""

from hiera_compiler.emit.custom import require_weights
from hiera_compiler.emit.library import prelude_source
from hiera_compiler.emit.load import load_class
from hiera_compiler.emit.mae_source import autoencoder_source
from hiera_compiler.emit.source import class_name, module_source

__all__ = ["autoencoder_source", "class_name", "load_class", "module_source", "prelude_source", "require_weights"]
