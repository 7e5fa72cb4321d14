# SPDX-License-Identifier: Apache-2.0
"""A machine with systemd as PID 1: a container booted from the cached root and the installed tree.

Guarantees: the machine's root is a throw-away overlay; all its processes live below one host
cgroup that stop() kills and removes; all its mounts live in a mount namespace that dies with it.
Nothing is shared with the host but the kernel.
"""

import itertools
import os
import pathlib
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence

from . import hostcg
from .process import CommandFailed, Result

BOOT_TIMEOUT_S = 120
COMMAND_TIMEOUT_S = 60
_serial = itertools.count(1)

# Runs in a mount namespace of its own, so every mount below ends with the machine.
# Arguments: leaf cgroup, cached root, work folder, machine name, trees to lay over the root (tar
# keeps the root's /lib a link).
BOOT_SCRIPT = r"""
set -eu
cgroup=$1 base=$2 work=$3 name=$4; shift 4
echo $$ > "$cgroup/cgroup.procs"
mount --make-rprivate /
mount -t tmpfs -o mode=0755 takt-test "$work"
mkdir "$work/upper" "$work/overlay" "$work/root"
mount -t overlay takt-test "$work/root" \
  -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/overlay"
for tree; do
  tar -C "$tree" -c . |
    tar -C "$work/root" -x --keep-directory-symlink --no-overwrite-dir --no-same-owner
done
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec systemd-nspawn --quiet --register=no --keep-unit --private-network --link-journal=no \
  --resolv-conf=off --timezone=off --directory="$work/root" --machine="$name" \
  --hostname="$name" \
  --console=pipe --boot
"""


class Machine:
    """A booted container. Use as a context manager, or call boot() and stop()."""

    def __init__(self, base: pathlib.Path, trees: Sequence[pathlib.Path] = ()):
        self._base = base
        self._trees = list(trees)
        self.name = f"takt-test-{os.getpid()}-{next(_serial)}"
        self._work = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.name}."))
        self._console = tempfile.NamedTemporaryFile(prefix=f"{self.name}-console.")
        self._cgroup: hostcg.HostCgroup | None = None
        self._nspawn: subprocess.Popen | None = None
        self.init_pid = 0

    def __enter__(self) -> "Machine":
        try:
            self.boot()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def boot(self) -> None:
        """Boots and returns when systemd says that it is up (running or degraded)."""
        self._cgroup = hostcg.HostCgroup(self.name)
        self._nspawn = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", BOOT_SCRIPT, "boot", str(self._cgroup.nspawn),
             str(self._base), str(self._work), self.name, *map(str, self._trees)],
            stdin=subprocess.DEVNULL, stdout=self._console, stderr=subprocess.STDOUT)
        self.init_pid = self.wait_until(self._find_init, "PID 1 of the machine", BOOT_TIMEOUT_S)
        state = self.wait_until(self._system_state, "systemd to be up", BOOT_TIMEOUT_S)
        if state not in ("running", "degraded"):
            raise RuntimeError(f"{self.name} came up as {state!r}\n{self.console()}")

    def stop(self) -> None:
        """Kills everything of the machine and removes what it left on the host."""
        if self._cgroup:
            self._cgroup.kill()
            if self._nspawn:
                self._nspawn.wait()
            self._cgroup.remove()
            self._cgroup = None
        shutil.rmtree(self._work, ignore_errors=True)
        self._console.close()

    def command(self, argv: Sequence[str], user: str | None = None) -> list[str]:
        """Returns the host command that runs argv inside the machine, in our own leaf cgroup."""
        become = [] if user is None else [
            "setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--"]
        # Signals as after a log-in: whoever runs the tests may ignore some, and that is inherited.
        enter = ["nsenter", "--target", str(self.init_pid), "--all", "--", "env", "-i",
                 "--default-signal",
                 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                 "HOME=/", "LANG=C.UTF-8", "TERM=dumb", *become, *argv]
        join = f"echo $$ > {shlex.quote(str(self._cgroup.enter))}/cgroup.procs && exec \"$@\""
        return ["sh", "-c", join, "enter", *enter]

    def popen(self, argv: Sequence[str], user: str | None = None,
              **kwargs: object) -> subprocess.Popen:
        """Starts argv inside the machine; the caller ends it (stop() ends it at the latest)."""
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(self.command(argv, user), **kwargs)

    def run(self, *argv: str, check: bool = True, user: str | None = None, stdin: str = "",
            timeout_s: float = COMMAND_TIMEOUT_S) -> Result:
        """Runs argv inside the machine; with check, a code other than 0 raises CommandFailed."""
        done = subprocess.run(self.command(argv, user), input=stdin.encode(), capture_output=True,
                              timeout=timeout_s)
        result = Result(shlex.join(argv), done.returncode, done.stdout.decode(errors="replace"),
                        done.stderr.decode(errors="replace"))
        if check and result.code != 0:
            raise CommandFailed(result)
        return result

    def shell(self, script: str, **kwargs: object) -> Result:
        """Runs a shell script inside the machine."""
        return self.run("sh", "-c", script, **kwargs)

    def wait_until(self, predicate: Callable[[], object], what: str, timeout_s: float = 30):
        """Polls until predicate() is true and returns its value; late, it names what it wanted."""
        deadline = time.monotonic() + timeout_s
        while True:
            value = predicate()
            if value:
                return value
            if self._nspawn is not None and self._nspawn.poll() is not None:
                raise AssertionError(f"{self.name} died while waiting for {what}\n{self.console()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {timeout_s:g} s in vain for {what}")
            time.sleep(0.05)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Writes a file inside the machine, making its folder."""
        quoted = shlex.quote(path)
        self.shell(f"mkdir -p $(dirname {quoted}) && cat > {quoted} && chmod {mode:o} {quoted}",
                   stdin=text)

    def read(self, path: str) -> str:
        """Reads a file inside the machine."""
        return self.run("cat", path).stdout

    def exists(self, path: str) -> bool:
        """Says whether a path exists inside the machine."""
        return self.run("test", "-e", path, check=False).code == 0

    def console(self) -> str:
        """Returns what the machine wrote to its console."""
        return pathlib.Path(self._console.name).read_text(errors="replace")

    def journal(self, *args: str) -> str:
        """Returns the machine's journal, for the report of a failure."""
        return self.run("journalctl", "--no-pager", "--output=short-precise", *args,
                        check=False).stdout

    def _find_init(self) -> int:
        """Returns the host pid of the machine's PID 1 once it runs systemd, else 0."""
        for procs in self._cgroup.nspawn.rglob("cgroup.procs"):
            try:
                pids = procs.read_text().split()
                for pid in pids:
                    status = pathlib.Path(f"/proc/{pid}/status").read_text()
                    spids = next(l for l in status.splitlines() if l.startswith("NSpid:")).split()
                    if len(spids) == 3 and spids[2] == "1" and "Name:\tsystemd\n" in status:
                        return int(pid)
            except FileNotFoundError:
                continue
        return 0

    def _system_state(self) -> str:
        """Returns the state that systemd reports once it has one that lasts, else nothing."""
        state = self.run("systemctl", "is-system-running", "--wait", check=False,
                         timeout_s=BOOT_TIMEOUT_S).stdout.strip()
        return "" if state in ("", "offline", "unknown", "initializing", "starting") else state
