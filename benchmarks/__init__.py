"""Commands that measure and print tables; README.md tells what each is for."""
