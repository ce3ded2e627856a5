"""Servers that speak the providers' own HTTP protocols over the sandbox's objects."""
