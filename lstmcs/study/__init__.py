"""The sweep: what is asked for, what is on record, what is trained next, and by whom. Imports no TensorFlow."""
