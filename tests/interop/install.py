"""What the peers need: packages of Debian, and pinned ones of Python and Node in target/interop."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Program: package.
QUICK = {"node": "nodejs", "npm": "npm"}
REST = {
    "/usr/sbin/nginx": "nginx-light",
    "/usr/sbin/haproxy": "haproxy",
    "/usr/sbin/apache2": "apache2-bin",
    "caddy": "caddy",
    "chromium": "chromium",
    "java": "openjdk-17-jdk-headless",
    "go": "golang-go",
}
GORILLA = Path("/usr/share/gocode/src/github.com/gorilla/websocket")


def run(*argv, **options):
    subprocess.run([str(word) for word in argv], check=True, **options)


def debian(quick):
    wanted = [package for program, package in (QUICK if quick else QUICK | REST).items() if not shutil.which(program)]
    if subprocess.run([sys.executable, "-c", "import ensurepip"], capture_output=True).returncode:
        wanted.append("python3-venv")
    if not quick and not GORILLA.exists():
        wanted.append("golang-github-gorilla-websocket-dev")
    if not wanted:
        return
    if os.getuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"Missing: {' '.join(wanted)}. --install gets them as root on Debian.")
    # In this run level no installed server is started.
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    run("apt-get", "update", "--quiet")
    run("apt-get", "install", "--quiet", "--yes", "--no-install-recommends", *wanted, env=env)


def pip(root):
    if not (root / "venv/bin/python").exists():
        run(sys.executable, "-m", "venv", root / "venv")
    run(root / "venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", HERE / "requirements.txt")


def npm(root, source, *options):
    """As the lock says, unless it is there already."""
    lock, there = source / "package-lock.json", root / "node_modules/.installed"
    if there.exists() and there.read_bytes() == lock.read_bytes():
        return
    root.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(source / name, root)
    run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", *options, cwd=root)
    shutil.copy(lock, there)


def gorilla(root):
    env = os.environ | {"GOPATH": "/usr/share/gocode", "GO111MODULE": "off", "GOCACHE": str(root / "go"), "CGO_ENABLED": "0"}
    asked = ["dpkg-query", "--show", "--showformat=${Version}", "golang-github-gorilla-websocket-dev"]
    version = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    run("go", "build", "-ldflags", f"-X main.version={version}", "-o", root / "gorilla", root / "peers/gorilla.go", env=env)


def place(root):
    """The peers beside what they import."""
    shutil.copytree(HERE / "peers", root / "peers", dirs_exist_ok=True)
    for folder, pattern in (("node", "node_*.mjs"), ("baileys", "baileys.mjs")):
        (root / folder).mkdir(exist_ok=True)
        for peer in (HERE / "peers").glob(pattern):
            shutil.copy(peer, root / folder)


def install(root, quick):
    debian(quick)
    pip(root)
    npm(root / "node", HERE)
    if not quick:
        npm(root / "baileys", HERE / "baileys", "--legacy-peer-deps")
        gorilla(root)
