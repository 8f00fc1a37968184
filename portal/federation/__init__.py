"""The kernel: what is asked for, where it runs, what became of it."""
