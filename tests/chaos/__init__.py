"""`make chaos MINUTES=5`: pushes at a steady rate while every process and the broker die at random, then an account.

A system of its own on free ports, beside a demo Hub and a demo cluster that live on: what a stranger's machine would do
to Portside in a bad year, in minutes. `scene` is what it runs, `machines` are a cluster's brokers and database,
`traffic` pushes, `mayhem` kills, `outside` writes down what was really done, and `account` (pure) compares that with
what was promised, once `quiet` (pure) says that no more comes. `strangers` may attack meanwhile; `table` shows the
account.
"""
