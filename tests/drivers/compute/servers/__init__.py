"""Real servers that compute drivers are tested against, on the loopback."""
