"""A Kubernetes API server made of values and threads: what a deployment tool meets, without a cluster.

Here live discovery, the verbs with server-side apply and field ownership, watches, validation by the schema of the
official client's models, and controllers that roll Deployments, StatefulSets, DaemonSets and Jobs out within about a
second. No container ever runs: an image whose tag contains `broken` cannot be pulled, one that contains `crash` crashes
for ever, one that contains `slow` takes ten times as long, and a Job whose image tag contains `fail` fails.

kmock was considered: it serves within a test's event loop and simulates neither apply nor roll-outs.
"""
