"""From a graph that falls short on a backend to the smallest one that still does, with a script and a text to file."""
