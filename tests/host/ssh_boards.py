"""Boards for tests: an sshd for each on this machine, with a home folder of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from edgeready.boards.hosts import Host
from edgeready.workflows.deploy import ROOT

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
COMPLETE = bool(SSHD and shutil.which("ssh-keygen"))


# Where the device package and its runtimes lie here: a board finds them, so that nothing is downloaded.
SITE = tuple(part for part in sys.path if part and "zip" not in part)


def write_wheel(folder: Path, name: str = "small", version: str = "1", script: str = "") -> None:
    """Writes a wheel without content, with the same bytes each time.

    `script` is MODULE:FUNCTION of its command, for which it also brings the folders of SITE.
    """
    stem = name.replace("-", "_")
    info = f"{stem}-{version}.dist-info"
    files = {
        f"{stem}_wheel.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if script:
        files[f"{stem}.pth"] = "".join(f"{part}\n" for part in SITE)
        files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{name} = {script}\n"
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / f"{stem}-{version}-py3-none-any.whl", "w") as wheel:
        for file, text in files.items():
            wheel.writestr(zipfile.ZipInfo(file), text)


class Boards:
    """An sshd for each board, and the ssh_config that reaches them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.config, self.servers = folder, folder / "config", []
        for name in ("hostkey", "otherkey", "id"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        shutil.copy(folder / "id.pub", folder / "authorized")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        self.config.write_text("")

    def add(
        self, name: str, *, key: str = "hostkey", path: str = "", home: Path | None = None, bare: bool = False
    ) -> Host:
        """Starts a board's sshd; `key` is what it is known by, and on a `bare` one nothing lies on PYTHONPATH."""
        home = home or self.folder / f"home-{name}"
        home.mkdir(exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        site = "" if bare else f"PYTHONPATH={os.pathsep.join(SITE)}"
        path = path or os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
        text = f"""
            Port {port}
            ListenAddress 127.0.0.1
            HostKey {self.folder}/hostkey
            AuthorizedKeysFile {self.folder}/authorized
            StrictModes no
            PidFile none
            PasswordAuthentication no
            Subsystem sftp internal-sftp
            SetEnv HOME={home} PATH={path} {site}
        """
        (self.folder / f"{name}.conf").write_text(text)
        command = [SSHD, "-D", "-e", "-f", str(self.folder / f"{name}.conf")]
        log = (self.folder / f"{name}.log").open("wb")
        self.servers.append(subprocess.Popen(command, stdout=log, stderr=log))
        self._wait(port)
        known = self.folder / f"known-{name}"
        known.write_text(f"[127.0.0.1]:{port} {(self.folder / f'{key}.pub').read_text()}")
        with self.config.open("a") as config:
            config.write(
                f"Host {name}\n HostName 127.0.0.1\n Port {port}\n User {getpass.getuser()}\n IdentitiesOnly yes\n"
                f" IdentityFile {self.folder}/id\n UserKnownHostsFile {known}\n"
            )
        return Host(name=name, address=name)

    def _wait(self, port: int) -> None:
        for _ in range(100):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("sshd does not answer")

    def root(self, name: str) -> Path:
        return self.folder / f"home-{name}" / ROOT

    def cut(self) -> None:
        """Kills every session of every server, and what runs in it."""
        table = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        parents = dict(map(int, line.split()) for line in table.splitlines())
        ours = {server.pid for server in self.servers}
        below = {pid for pid in parents if pid not in ours and self._is_below(pid, parents, ours)}
        for pid in below:
            os.kill(pid, signal.SIGKILL)

    def _is_below(self, pid: int, parents: dict[int, int], ours: set[int]) -> bool:
        while pid in parents and pid not in ours:
            pid = parents[pid]
        return pid in ours

    def close(self) -> None:
        """Ends every server and what runs in it."""
        self.cut()
        for server in self.servers:
            server.terminate()
            server.wait()
