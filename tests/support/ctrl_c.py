"""Ctrl+C for the main thread of a test, sent from another one."""

import signal
from threading import Event, main_thread

import pytest

# Seconds after which the signal is sent again. Python runs a handler between two instructions: a signal that arrives
# after the last one before a system call, such as the wait for a response, does not end that call.
_AGAIN = 3
_ATTEMPTS = 5

needs_ctrl_c = pytest.mark.skipif(
    not hasattr(signal, "pthread_kill"), reason="this system does not send signals to threads"
)


def press_ctrl_c(is_ended: Event) -> bool:
    """Send SIGINT to the main thread until what it does has ended; return whether it has."""
    for _ in range(_ATTEMPTS):
        signal.pthread_kill(main_thread().ident or 0, signal.SIGINT)
        if is_ended.wait(_AGAIN):
            return True
    return False
