"""Tasks that run in a container image, as a Job in a cluster, with the pipeline's workspace: CI and Custom.

`job` and `script` write what runs, `runtimes` the code of a custom integration in its language, `printed` reads what
is printed back; all pure. `task` starts, watches and ends the Job and has the type CI; `custom` is the type Custom.
"""
