"""What the statistics find and miss, measured: a generator of traffic with known effects, and the table of figures.

`python -m paceline.governance.truth` prints it. Nothing of the product imports this package.
"""
