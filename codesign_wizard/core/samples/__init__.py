"""How the sample installers are made: machine code, resources, icon and the executable around them.

Nothing here is a stored program. Every byte of a sample is written by this package, so anyone who runs
``build_sample`` with the same words gets the same file.
"""
