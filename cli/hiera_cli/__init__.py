"""The command line: commands are thin functions over the library."""
