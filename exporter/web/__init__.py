"""The web front: what the exporter answers over HTTP, and the server that carries it."""
