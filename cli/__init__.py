"""What a person types: the `portside` command, the private broker and the process table behind make's targets.

`portside` is the client, for those who use a running system: it knows the public API alone. Everything else here
starts or stops processes, or plays the demo as a client of the same API. It opens no database, imports no broker client
and none of the services.

`main` holds the commands that run a system, `backups` those that save and restore one, `ending` how each ends.
`staging` puts up what they need: a RabbitMQ by `brokers` (`rabbitmq` is a private node), Portside by `system`, each
in the table of `processes`; `leftovers` ends what a killed owner left running. `demo` is the demonstration: it pushes
an `image` and reads the cluster by `kube`; `samples` fills in the same beside a system for use. `files` and
`secretfiles` write secrets, `ports` finds free ports.
"""
