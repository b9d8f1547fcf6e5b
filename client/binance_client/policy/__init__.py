"""What a call is allowed to do: retry policy, clock, rate limit, deadline. Nothing here does I/O."""
