"""The statistics of governance: is a service over its budget, and did the same work become slower or dearer.

Pure functions over counts; no database, no clock of their own. Each names its source, its units and its error.
"""
