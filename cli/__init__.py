"""What a person types: the `portside` command, the private broker and the process table behind `make`.

Everything here talks to a running Portside over its REST API, or starts and stops processes. It opens no database,
imports no broker client and none of the services.
"""
