"""One small module for one kind of system; reached by entry points only."""
