"""Tensor functions and modules that some emitted models call; those, and no others, follow the prelude in a file.

One file is one topic. What a function uses beside the prelude's imports stands in these files or in the prelude.
"""
