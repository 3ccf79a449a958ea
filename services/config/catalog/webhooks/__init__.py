"""Docker webhooks: `resource` is the kind, `documents` its wire form, `validation` and `sender_rules` its checks.

`for_matching` is what judging a push needs of one, `lacks` what it is missing, `identity` as whom it acts, `tag_lists`
what polling asks a runner.
"""
