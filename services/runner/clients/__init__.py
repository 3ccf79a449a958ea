"""Connections to the outside: one module per protocol, all with deadlines and bounds.

`http` for addresses that pipelines name, `registry` for the distribution API, `git`, `ssh` and `smtp`. `tls` decides
which server certificates to accept, `certificates` reads and explains them, `errors` words the cause of a failed
connection.

Never here: what an answer means for a run; task types and requests decide that.
"""
