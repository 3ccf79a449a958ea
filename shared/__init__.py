"""What two services need in order to talk or to live: `contracts` between them, the `bus`, the pipeline `grammar`,
`process`, how a process lives, and `outbound`, how it connects to the outside; `version` is this release's.

Nothing here decides about pushes or runs, and nothing imports a web framework, an ORM or a cluster client.
"""
