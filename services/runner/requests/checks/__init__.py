"""Trying an endpoint for real, one module a type: what is wrong in a stable word, a sentence and the next step.

A check touches the outside as little as an answer needs, changes nothing there, and never fails: what it meets is its
answer. Never here: opening secrets, and what Docker Hub's management API says, which is hubsync's to ask.
"""
