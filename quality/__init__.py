"""Great Expectations suites by layer, and how to run them on a warehouse."""
