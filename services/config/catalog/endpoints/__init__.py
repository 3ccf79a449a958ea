"""Endpoints: `resource` is the kind, `types` its rules per type.

`schemas` is the table of types. Their properties: `docker`, `k8s`, `git`, `messengers` (mail, chats, PagerDuty,
addresses of your own), on `properties` that many share and `clouds`, the sign-in at Amazon, Google and Azure.
"""
