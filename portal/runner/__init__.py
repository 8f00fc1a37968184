"""What executes at the facility: ``python -m portal.runner RUN_DIR``."""
