"""The command `binance-coinm`: balances on a terminal, and a look at each step of a call."""
