"""A private OpenSSH server on loopback, for one account: that of the tests."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
from pathlib import Path

from cli.ports import free_port
from tests.support.patience import PATIENCE_S, wait_for


class Sshd:
    """Takes one key; runs what it is told as the user of the tests."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("sshd") or "/usr/sbin/sshd"
        self.port, self.user = free_port(), getpass.getuser()
        for name in ("host", "account"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)],
                check=True,
                timeout=PATIENCE_S,
            )
        if os.geteuid() == 0:
            # Started as root, it insists on its empty folder.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        (folder / "home").mkdir()
        config = folder / "sshd_config"
        config.write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/account.pub\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nStrictModes no\n"
            f"PermitRootLogin prohibit-password\nPidFile {folder}/pid\nSetEnv HOME={folder}/home\n"
        )
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen([program, "-D", "-e", "-f", str(config)], stdout=self._log, stderr=self._log)
        wait_for(self._answers, f"sshd to answer; {folder}/log says why it does not")
        self.private_key = (folder / "account").read_text()
        self.host_key = " ".join((folder / "host.pub").read_text().split()[:2])

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), PATIENCE_S).close()
        except OSError:
            return False
        return True

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_S)
        self._log.close()
