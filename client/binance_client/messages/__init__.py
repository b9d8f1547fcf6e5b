"""Messages: what is sent, what is received, and which errors that means."""
