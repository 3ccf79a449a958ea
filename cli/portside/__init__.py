"""The command of those who use a running Portside: a client of the public API alone.

`root` lists the commands below `commands`, `lazy` imports each when it is used, `ending` says how they end, `options`
what they share. `contexts` keeps where the user is signed in, `connection` signs in there by `api`. `output` prints and
`texts` says what may be printed, `watching` prints again, `follow` shows a run under way, `runs` names, finds and waits
for runs, `plan` compares files with the server and `server_yaml` reads them as the server does, `device_grant` signs in
by a page, and `reference` writes the command's page. `version` is the release.

It imports nothing of the rest of the tree: `pipx install ./cli/portside` is all of it.
Never here: starting processes, and anything that the public API does not offer.
"""
