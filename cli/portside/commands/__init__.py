"""The client's commands, one module for what belongs together; each is imported when it is used.

`session` signs in and out; `executions` and `logs` show and steer runs, `run` starts one; `pushes` answers what became
of pushed images.
"""
