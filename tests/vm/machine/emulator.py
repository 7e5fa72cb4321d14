# SPDX-License-Identifier: Apache-2.0
"""The command line of the emulator (QEMU): what a machine consists of.

Guarantees: a machine has the disks and the serial lines that it is given, and nothing else: no
network, no other device. Killing the emulator is a power cut: a disk keeps what the guest's kernel
has written to it, for that is in files of the host, and nothing of what was in the guest's memory.
"""

import dataclasses
import functools
import os
import pathlib
import subprocess

from . import kernel

MEMORY = "1G"
# What the guest has written is in the page cache of the host, which stays up. So a flush of the
# guest need not wait for the host's own disk: "unsafe" is only how QEMU calls that.
CACHE = "unsafe"
TRIAL_TIMEOUT_S = 6  # a boot with KVM takes one or two
KVM = "/dev/kvm"
EMULATED = "tcg,thread=multi"  # cheaper than thread=single even for one processor
# What later processors have costs time if it is emulated: string instructions that copy one byte at
# a time, more registers to save, larger page tables. Random numbers keep the boot from waiting.
PROCESSORS = {"kvm": "host", EMULATED: "Nehalem,+rdrand"}
KERNEL_ARGUMENTS = (
    "console=ttyS0", "loglevel=4", "panic=-1", "sysctl.vm.dirty_writeback_centisecs=0",
    "systemd.show_status=0",
    # A busy host lets the emulator stand still; the kernel must not take that for a broken timer.
    "no_timer_check", "tsc=reliable", "nowatchdog", "rcupdate.rcu_cpu_stall_suppress=1",
    # Programs always at the same address: what was translated of them is used again.
    "norandmaps", "nokaslr",
    # None of this serves a test, and all of it takes time in each boot.
    "mitigations=off", "init_on_alloc=0", "clearcpuid=rep_good", "cryptomgr.notests", "audit=0",
    "lsm=", "edd=off")


@dataclasses.dataclass(frozen=True)
class Disk:
    """A disk: a file, and its format as the emulator calls it."""

    path: pathlib.Path
    format: str = "raw"


def command(disks: list[Disk], lines: list[int], console: int,
            kernel_arguments: tuple[str, ...]) -> list[str]:
    """Returns the command of a machine. In it are disks vda, vdb …, lines hvc0, hvc1 …, and the
    kernel's console; lines and console are numbers of connected sockets that it inherits."""
    arguments = ["-append", " ".join([*KERNEL_ARGUMENTS, *kernel_arguments]),
                 "-chardev", f"socket,id=console,fd={console}", "-serial", "chardev:console"]
    for number, disk in enumerate(disks):
        arguments += ["-drive", f"if=none,id=disk{number},file={disk.path},format={disk.format},"
                                f"cache={CACHE}",
                      "-device", f"virtio-blk-pci,drive=disk{number}"]
    # Without ioeventfd a line takes what is written in the very instruction that hands it over.
    arguments += ["-device", "virtio-serial-pci,ioeventfd=off"]
    for number, line in enumerate(lines):
        arguments += ["-chardev", f"socket,id=line{number},fd={line}",
                      "-device", f"virtconsole,chardev=line{number}"]
    return [*base(accelerator()), *arguments]


def base(accelerated: str) -> list[str]:
    """Returns the command of a machine without any device, disk or line."""
    vmlinuz, initrd = kernel.prepare()
    return ["qemu-system-x86_64", "-no-user-config", "-nodefaults", "-display", "none",
            "-no-reboot", "-machine", "q35,sata=off,smbus=off,i8042=off", "-accel", accelerated,
            "-cpu", PROCESSORS[accelerated], "-smp", "1", "-m", MEMORY,
            "-kernel", str(vmlinuz), "-initrd", str(initrd)]


@functools.cache
def accelerator() -> str:
    """Returns what runs the guest's instructions: KVM, if a trial shows that it works."""
    found = "kvm" if boots_with_kvm() else EMULATED
    print(f"machines run by: {found}", flush=True)
    return found


def boots_with_kvm() -> bool:
    """Boots a kernel with KVM: that it is offered does not mean that it works."""
    if not os.access(KVM, os.R_OK | os.W_OK):
        return False
    try:
        done = subprocess.run(
            [*base("kvm"), "-append", "console=ttyS0 panic=-1 rdinit=/trial",
             "-serial", "stdio"], stdin=subprocess.DEVNULL, capture_output=True,
            timeout=TRIAL_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and kernel.ALIVE.encode() in done.stdout
