"""The linter: finds calls to models in source code and says what is missing from them.

A front end (`python`) turns files into site records (`sites`), rules judge records, `run` puts them together, `output`
writes them down. Must not import the server side, nor anything that is slow to load.
"""
