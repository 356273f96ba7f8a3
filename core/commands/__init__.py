"""What `manage.py` can do by itself. Each module has `main(args) -> int`; its docstring's first line is its summary."""
