"""A space written as an ordinary module: `choose` in its constructor, `family` around it."""
