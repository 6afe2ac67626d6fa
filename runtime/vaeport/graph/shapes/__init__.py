"""The abstract run of a graph: the shape, the type and the cost of every tensor, without computing one."""
