"""Where data lives: settings, the writer lock, connections, publish and rollback, the `throughline` command."""
