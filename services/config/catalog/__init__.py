"""The catalog: what people define (projects, people, endpoints, variables, pipelines, webhooks) and who may touch it.

Here live the rules of each kind: what a valid object is, what its wire document looks like, what a change of it sets
off. Never here: what happened (deliveries, executions: the ledger's), SQL (the store's), HTTP (the gateway's), or
anything that opens a secret: the catalog passes sealed boxes on and shows a mask.
"""
