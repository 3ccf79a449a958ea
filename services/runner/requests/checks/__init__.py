"""Testing endpoints: one module per type answers with a stable code, a sentence and the next step.

`docker`, `email`, `git` and `k8s` (with `k8s_rights`) are types; `posting` serves those that receive posts;
`certificate` explains a server's certificate.

A check touches the outside as little as an answer needs, changes nothing there, and never fails: a failure is its
answer. Never here: opening secrets, and what Docker Hub's management API says, which is hubsync's to ask.
"""
