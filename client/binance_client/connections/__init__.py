"""Connections that are handed out to one call at a time, and kept only if they are provably clean.

Parsing, TLS and sockets are httpcore's and the standard library's. Each module here is needed for a guarantee:

* `framing`: nothing beyond the response was read. httpcore's parser has such bytes, and no public
  attribute shows them.
* `flows`, `sockets`: a connection belongs to no event loop, no wait exceeds the call's deadline, and a socket is closed
  however its call ends. httpcore's backends were tried: their streams end with their loop, and clean up only
  after `Exception`.
* `tls`: bytes that wait in a TLS buffer are seen, and TLS goes over TLS. anyio's and `ssl.SSLSocket` hide them.
* `connection`: what was sent, received and ended decides whether a request may be sent again.
* `pool`: canceled calls leave nothing behind, and stale connections are recognized. httpcore's pool keeps what
  canceled calls held, and checks only the socket of a connection.
* `sync_transport`, `async_transport`: the same flows for threads, asyncio and trio, below httpx's own transports, so
  that libraries that mock or trace those work.
"""
