"""Stand-ins for public services: small, on loopback, true to the services' documented shapes."""
