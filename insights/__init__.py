"""Pure functions over small aggregates: a data frame goes in, a data frame comes out; no files, no database."""
