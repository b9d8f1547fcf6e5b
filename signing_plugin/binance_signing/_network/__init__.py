"""Connections that are handed out to one call at a time, and kept only if they are provably clean.

Parsing, TLS and sockets are httpcore's and the standard library's. What is written here, and why, because httpx's own
pool was tried and does not hold the promise:

* `framing`: a connection is kept only if its response ended and nothing beyond it was read; httpcore does not tell.
* `sockets`, `tls`, `connection`: whether bytes wait in a TLS buffer is to be known, no wait exceeds the call's
  deadline, and a connection that belongs to no event loop cannot be lost with one; httpcore's backends offer neither.
* `drivers`, `backends`: the same flows for threads, asyncio and trio, as httpcore wants to be given them.
* `pool`, `transports`: cancelled calls leave nothing behind; httpcore's pool keeps what they held.
"""
