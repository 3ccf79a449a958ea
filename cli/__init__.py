"""What a person types: the `portside` command, the private broker and the process table behind make's targets.

Everything here talks to a running Portside over its REST API, or starts and stops processes. It opens no database,
imports no broker client and none of the services.

`main` holds the commands, `ending` how each ends. `staging` puts up what they need: a RabbitMQ by `brokers`
(`rabbitmq` is a private node), Portside by `system`, each in the table of `processes`; `leftovers` ends what a killed
owner left running. `demo` is the demonstration: it speaks to Portside by `client`, follows a run with `live`, pushes
an `image` and reads the cluster by `kube`; `samples` fills in the same beside a system for use. `files` and
`secretfiles` write secrets, `ports` finds free ports.
"""
