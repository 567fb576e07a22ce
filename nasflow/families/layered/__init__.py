"""Networks of layers that a search's YAML lists, one after another, with choices among them."""
