"""The contenders: each module is one way to make the same signed call.

A module begins with inline script metadata: what to install, under `[tool.bench]` its title in the tables and the
statement with which a user imports what the call needs, and, where its packages ask for versions that cannot be had,
the packages to install without what they depend on.

Its functions are `connect(account)`, `call(client)`, `write(client)` and `close(client)`, and the same as
`connect_async`, `call_async`, `write_async` and `close_async`, as far as it offers them. If its answer is no list of
dictionaries, `balances(answer)` gives the rows' balances. Packages are imported within the functions, so that one of
which half is used loads only that half.
"""
