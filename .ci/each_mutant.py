#!/usr/bin/env python3
"""Runs a command under each mutant of a list, for tests that cargo-mutants cannot run because they are another package's.

    cargo mutants --list --json --diff -f FILE... > LIST.json
    .ci/each_mutant.py COPY LIST.json OUT [--only NAMES] -- COMMAND...

COPY is a copy of the crate that may be written to. OUT gets a line for each mutant: caught, missed, unviable or timeout, and
its name. A mutant that OUT has already is not tried again. NAMES is a file of names, such as cargo-mutants' missed.txt.
"""

import argparse
import json
import pathlib
import subprocess
import sys


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("copy", type=pathlib.Path)
    parser.add_argument("mutants", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--only", type=pathlib.Path)
    parser.add_argument("--timeout", type=int, default=300)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args()


def patch(copy, diff, *options):
    command = ["patch", "--strip=0", "--silent", "--no-backup-if-mismatch", *options]
    subprocess.run(command, input=diff, text=True, cwd=copy, check=True)


def verdict(copy, command, timeout):
    try:
        run = subprocess.run(command, cwd=copy, text=True, capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return "timeout"
    if run.returncode == 0:
        return "missed"
    return "unviable" if "could not compile" in run.stderr else "caught"


def main():
    args = arguments()
    command = [word for word in args.command if word != "--"] if args.command[:1] == ["--"] else args.command
    mutants = json.loads(args.mutants.read_text())
    if args.only and args.only.exists():
        names = set(args.only.read_text().splitlines())
        mutants = [mutant for mutant in mutants if mutant["name"] in names]
    known = args.out.read_text().splitlines() if args.out.exists() else []
    tried = {line.split("\t", 1)[1] for line in known}
    if verdict(args.copy, command, args.timeout * 4) != "missed":
        sys.exit("The command fails without any mutant.")
    for mutant in mutants:
        if mutant["name"] in tried:
            continue
        patch(args.copy, mutant["diff"])
        try:
            said = verdict(args.copy, command, args.timeout)
        finally:
            patch(args.copy, mutant["diff"], "--reverse")
        print(said, mutant["name"], flush=True)
        with args.out.open("a") as out:
            out.write(f"{said}\t{mutant['name']}\n")


main()
