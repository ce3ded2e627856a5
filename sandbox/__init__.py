"""A company that does not exist: a seeded world, its truth, and servers that speak the providers' protocols."""
