"""Mutated valid documents against every edge that reads one: no answer is a 5xx, and no reader fails unforeseen.

`mutation` changes a document, by its bytes or by its structure; `targets` is the table of edges, those by HTTP from
`edges`, those of functions alone from `readers`, and what an API server answers from `clusters`, each a `target`. `run`
sends and counts; `__main__` is `make fuzz MINUTES=`. A short run of the same is part of the unit tests.
"""
