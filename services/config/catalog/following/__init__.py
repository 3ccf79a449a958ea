"""Projects that follow a Git repository: their definitions are what its newest good commit says.

`source` is how a project begins and ends to follow, and its state as a document; `files` reads the YAML of a commit
into objects, with every flaw and its place; `literals` finds secrets in clear; `taking` makes a project what a commit
says, all or nothing; `looking` asks a runner for the newest commit and takes the answer.

Never here: Git itself (a runner's), or the refusal of other writers (`catalog.read_only`).
"""
