"""Position embedding kinds."""
