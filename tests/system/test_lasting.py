# SPDX-License-Identifier: Apache-2.0
"""A daemon that cannot start, for a reason that a restart does not cure, is started once."""

from harness.case import SERVICES, SOCKETS, MachineCase
from harness.host import show

# The service, its drop-in's name below /etc/takt, what it says, and the exit code.
CASES = {
    "a key that does not exist": ("scheduler", "[scheduler]\nno_such_key = 1\n", "78"),
    "a folder that the user may not enter": ("scheduler", "[scheduler]\nstate_directory = "
                                             "/root/takt\n", "77"),
    "a value out of range": ("worker", "[jobs]\nslots = -1\n", "78"),
    "a state folder below a file": ("worker", "[worker]\nstate_directory = /etc/passwd/takt\n",
                                    "69"),
}


class LastingErrors(MachineCase):
    """Both units, without their sockets: a client that waits there would start them again."""

    def test_are_not_tried_again(self) -> None:
        self.machine.run("systemctl", "stop", *SOCKETS, *SERVICES)
        for what, (daemon, text, code) in CASES.items():
            service = f"takt-{daemon}.service"
            drop_in = f"/etc/takt/{daemon}.conf.d/99-lasting.conf"
            with self.subTest(what):
                self.machine.run("mkdir", "-p", f"/etc/takt/{daemon}.conf.d")
                self.machine.run("tee", drop_in, stdin=text)
                self.machine.run("systemctl", "start", service, check=False)
                self.machine.wait_until(
                    lambda unit=service: show(self.machine, unit, "ActiveState") == "failed",
                    f"{service} failed")
                self.assertEqual(show(self.machine, service, "ExecMainStatus"), code)
                self.assertEqual(show(self.machine, service, "NRestarts"), "0")
            self.machine.run("rm", drop_in)
            self.machine.run("systemctl", "stop", *SOCKETS, *SERVICES)
            self.machine.run("systemctl", "reset-failed", *SOCKETS, *SERVICES, check=False)
        self.machine.run("systemctl", "start", *SOCKETS, *SERVICES)
        for service in SERVICES:
            self.assertEqual(show(self.machine, service, "ActiveState"), "active")
