"""Generate a client package from an OpenAPI document: `python -m binance_generator --help`."""

MISSING_EXTRA = "the generator needs libraries that are not installed: pip install 'binance-coinm[generate]'"
