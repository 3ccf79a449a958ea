"""Git webhooks, Gerrit listeners and triggers, and what their servers announced.

They are kept, validated, exported and imported as Code Stream has them; nothing that a Git or Gerrit server announces
starts a pipeline yet, and every answer says so. `fields` are their fields as tables, `base` what the kinds share,
`git` and `gerrit` the kinds, `events` what was announced, `judgement` whether it fits a trigger. A new kind of source
gets a module here.
"""
