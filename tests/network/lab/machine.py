"""What this machine offers, as reasons for a skip: "" where nothing is missing."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.end_to_end.harness.processes import environment, script

_LOOK = 10
"""Seconds that one look may take."""


def _fails(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LOOK, check=False)
    return done.stderr.strip().partition("\n")[0] if done.returncode else ""


@cache
def why_no_namespaces() -> str:
    """Return why no network namespaces with a firewall can be made here."""
    if not sys.platform.startswith("linux"):
        return "network namespaces are a thing of Linux"
    if os.geteuid():
        return "network namespaces need root"
    missing = [name for name in ("ip", "iptables", "tc") if shutil.which(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (Debian: iproute2, iptables)"
    return _why_kernel_refuses()


def _why_kernel_refuses() -> str:
    name = f"chatd-{os.getpid()}-look"
    wrong = _fails("ip", "netns", "add", name)
    if wrong:
        return f"no network namespace can be made: {wrong}"
    try:
        wrong = _fails("ip", "-n", name, "link", "add", "a0", "type", "veth", "peer", "name", "b0")
        if wrong:
            return f"no veth pair can be made: {wrong}"
        drop = ("iptables", "-w", "-I", "FORWARD", "-j", "DROP")
        wrong = _fails("ip", "netns", "exec", name, *drop)
        return f"iptables does not work: {wrong}" if wrong else ""
    finally:
        _fails("ip", "netns", "del", name)


@cache
def why_no_bad_links() -> str:
    """Return why loss and delay cannot be made here."""
    return "" if Path("/dev/net/tun").exists() else "there is no /dev/net/tun to make loss and delay with"


@cache
def why_no_slow_links() -> str:
    """Return why a link of few bits per second cannot be made here."""
    name = f"chatd-{os.getpid()}-slow"
    _fails("ip", "netns", "add", name)
    try:
        _fails("ip", "-n", name, "link", "set", "lo", "up")
        shape = ("tbf", "rate", "8kbit", "burst", "1600", "limit", "8000")
        wrong = _fails("tc", "-n", name, "qdisc", "add", "dev", "lo", "root", *shape)
    finally:
        _fails("ip", "netns", "del", name)
    return f"this kernel shapes no traffic (tbf): {wrong}" if wrong else ""


@cache
def why_no_proxy() -> str:
    """Return why there can be no client behind an HTTP proxy."""
    if shutil.which("tinyproxy") is None:
        return "not installed: tinyproxy"
    told = subprocess.run(
        [*script("chatc"), "--help"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=_LOOK,
        check=False,
    )
    return "" if "--proxy" in told.stdout else "this chatc knows no --proxy"
