"""The implementations that are compared: each module makes the same signed call with a different library.

A module begins with inline script metadata. In addition to the dependencies, `[tool.bench]` has the title in the
tables, the import statement of a user's program and, if a package requires versions that some indexes do not have, the
packages to install without their dependencies.

`connect(account)` returns a `Client` with sync functions, and `connect_async(account)` one with async functions; an
unsupported one is missing. If calls do not return a list of dictionaries, `balances(response)` returns the balances of
the rows. Packages are imported within the functions, so that sync code does not import what only async code needs.
"""
