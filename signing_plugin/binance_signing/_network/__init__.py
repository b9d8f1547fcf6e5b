"""Connections that are handed out to one call at a time, and kept only if they are provably clean.

Parsing, TLS and sockets are httpcore's and the standard library's. Each piece of our own is needed for a promise:

* `framing`: nothing beyond the response was read. httpcore's parser has such bytes, and no public name tells of
  them.
* `flows`, `sockets`: a connection belongs to no event loop, no wait exceeds the call's deadline, and a socket is closed
  however its call ends. httpcore's backends were tried: their streams die with a loop, and clean up after `Exception`
  alone.
* `tls`: bytes that wait in a TLS buffer are seen, and TLS goes over TLS. anyio's and `ssl.SSLSocket` hide them.
* `connection`: what was sent, received and ended decides whether a request may be sent again.
* `pool`: cancelled calls leave nothing behind, and stale connections are told apart. httpcore's pool keeps what
  cancelled calls held, and judges a connection by its socket alone.
* `sync_transport`, `async_transport`: the same flows for threads, asyncio and trio, below httpx's own transports, so
  that what mocks or traces those works as before.
"""
