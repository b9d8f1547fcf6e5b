"""Helpers that the tests share; `pythonpath` in pyproject.toml makes them importable as `support.*`."""
