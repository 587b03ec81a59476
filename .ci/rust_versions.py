#!/usr/bin/env python3
"""Checks that no dependency of the published crate says that it needs a newer Rust than the crate does.

Only Cargo.lock's versions are looked at, with all features, on all platforms, without what only tests need. Clippy, which
reads the same `rust-version`, warns of newer parts of the standard library in our own code.
"""

import json
import subprocess
import sys

PACKAGE = "ws-liveness"
# Features whose dependencies may need more, each with the reason in Cargo.toml, and how much more.
EXCEPTIONS = {"tokio-websockets-0-13": "1.89"}


def number(version: str) -> tuple[int, ...]:
    """A comparable form of a Rust version."""
    return (*map(int, version.split(".")), 0)[:3]


def cargo(*arguments: str) -> str:
    """What Cargo prints."""
    return subprocess.run(["cargo", *arguments, "--locked"], stdout=subprocess.PIPE, text=True, check=True).stdout


def dependencies(features: list[str]) -> set[tuple[str, str]]:
    """Name and version of everything that is built for a user of the package with these features."""
    edges = ["--package", PACKAGE, "--edges", "normal,build", "--target", "all"]
    lines = cargo("tree", *edges, "--prefix", "none", "--no-default-features", "--features", ",".join(features))
    return {(name, version[1:]) for name, version, *_ in map(str.split, lines.splitlines())}


def main() -> int:
    packages = json.loads(cargo("metadata", "--all-features", "--format-version", "1"))["packages"]
    needs = {(package["name"], package["version"]): package["rust_version"] for package in packages}
    own = next(package for package in packages if package["name"] == PACKAGE)
    plain = [feature for feature in own["features"] if feature not in EXCEPTIONS]
    sets = [(plain, own["rust_version"])]
    sets += [([feature], version) for feature, version in EXCEPTIONS.items()]
    wrong, looked_at = [], set()
    for features, limit in sets:
        found = dependencies(features)
        looked_at |= found
        for name, version in sorted(found):
            if number(needs[name, version] or "1.0") > number(limit):
                wrong.append(f"{name} {version} needs Rust {needs[name, version]}, not {limit}: features {features}")
    silent = sum(needs[package] is None for package in looked_at)
    print(*wrong, f"{len(looked_at)} packages, {silent} without a rust-version, {len(wrong)} wrong.", sep="\n")
    return 1 if wrong or len(looked_at) < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
