"""The CI task: steps of shell in a container image, as a Job in a cluster, with the pipeline's workspace.

`job` and `script` write what runs, `printed` reads what it prints back; both pure. `task` starts, watches and ends it.
"""
