"""The whole `portside` command: the client, and beside it what runs a system on this machine."""

from cli.portside.root import root

LOCAL = {"system": "cli.main:operate", "demo": "cli.main:demo"}
FORMER = {name: f"cli.main:{name}" for name in ("up", "init", "link", "password")}
"""Names that scripts know, of commands that moved below `system`."""

main = root(LOCAL, FORMER)

if __name__ == "__main__":
    main()
