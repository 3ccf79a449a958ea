"""The language and the post: what two services need in order to talk or to live.

What lives here decides nothing and imports no web framework, ORM or cluster client.
"""
