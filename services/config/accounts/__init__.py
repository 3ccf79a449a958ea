"""People: who may sign in, who a caller is, and how often strangers may try.

`users`, `api_tokens` and `sessions` are kinds of resources; `sign_in` checks passwords and tokens within
`sign_in_limits`, of which `admissions` remembers what a gateway has been granted, `passwords` hashes and
`password_checks` lets a standby do so; `directory` is whom one may name and what roles allow; `callers` reads the
person behind a request; `bootstrap` makes the first administrator. `device_sign_ins` are those that a program begins
and a person confirms. `providers` is the kind of OpenID Connect servers, `claim_rules` what their tokens grant,
`sign_on` the accounts of those who come by them, `sign_on_checks` whether the provider still vouches for them.

Never here: what a person may do with an object, which each kind decides by `model.rights`.
"""
