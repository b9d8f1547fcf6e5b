"""Sending: httpx clients that retry, and the limits of calls in flight."""
