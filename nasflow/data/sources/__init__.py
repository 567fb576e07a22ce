"""The sources that nasflow brings along; another one is a module and an entry point."""
