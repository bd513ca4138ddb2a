"""The primitives, by topic. Each infers its output shape and states its weights and what it costs."""
