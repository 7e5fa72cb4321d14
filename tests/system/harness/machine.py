# SPDX-License-Identifier: Apache-2.0
"""A machine with systemd as PID 1: a container booted from the cached root and the installed tree.

Guarantees: the machine's root is a throw-away overlay; all its processes live below one host
cgroup that stop() kills and removes; all its mounts live in a mount namespace that dies with it.
Nothing is shared with the host but the kernel.
"""

import contextlib
import itertools
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence

from . import hostcg
from .inside import COMMAND_TIMEOUT_S, Inside
from .process import CommandFailed, Result

BOOT_TIMEOUT_S = 300
_serial = itertools.count(1)

# A shell function: lay BASE WORK TREE... makes WORK/root, which is BASE with the trees over it (tar
# keeps the root's /lib a link). For a mount namespace of its own, so that every mount ends with it.
LAY_TREES = r"""
lay() {
  base=$1 work=$2; shift 2
  mount --make-rprivate /
  mount -t tmpfs -o mode=0755 takt-test "$work"
  mkdir "$work/upper" "$work/overlay" "$work/root"
  mount -t overlay takt-test "$work/root" \
    -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/overlay"
  for tree; do
    tar -C "$tree" -c . |
      tar -C "$work/root" -x --keep-directory-symlink --no-overwrite-dir --no-same-owner
  done
}
"""

# Arguments: leaf cgroup, machine name, and those of lay.
BOOT_SCRIPT = LAY_TREES + r"""
set -eu
cgroup=$1 name=$2; shift 2
echo $$ > "$cgroup/cgroup.procs"
lay "$@"
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec systemd-nspawn --quiet --register=no --keep-unit --private-network --link-journal=no \
  --resolv-conf=off --timezone=off --directory="$work/root" --machine="$name" \
  --hostname="$name" \
  --console=pipe --boot
"""


class Machine(Inside):
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
             self.name, str(self._base), str(self._work), *map(str, self._trees)],
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
        done = subprocess.run(self.command(argv, user), input=stdin.encode(), capture_output=True,
                              timeout=timeout_s)
        result = Result(shlex.join(argv), done.returncode, done.stdout.decode(errors="replace"),
                        done.stderr.decode(errors="replace"))
        if check and result.code != 0:
            raise CommandFailed(result)
        return result

    @contextlib.contextmanager
    def systemd_stopped(self) -> Iterator[None]:
        """PID 1 stands still within, and answers nobody: what asks systemctl then hangs."""
        os.kill(self.init_pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.init_pid, signal.SIGCONT)

    def console(self) -> str:
        """Returns what the machine wrote to its console."""
        return pathlib.Path(self._console.name).read_text(errors="replace")

    def died(self) -> bool:
        """Says whether the machine went down by itself."""
        return self._nspawn is not None and self._nspawn.poll() is not None

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
            except (FileNotFoundError, ProcessLookupError):
                continue
        return 0

    def _system_state(self) -> str:
        """Returns the state that systemd reports once it has one that lasts, else nothing."""
        state = self.run("systemctl", "is-system-running", "--wait", check=False,
                         timeout_s=BOOT_TIMEOUT_S).stdout.strip()
        return "" if state in ("", "offline", "unknown", "initializing", "starting") else state
