#!/usr/bin/env python3
"""Checks that every link from one of our documents to another, or to a heading, leads somewhere. Reads no network.

Links to items of the crate are checked by rustdoc; of those, only links to a page of the guide or to the contract are
looked at here, since rustdoc does not check their headings.
"""

import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

PAGES = {"crate::contract": "src/contract.md"}
LINK = re.compile(r"""\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)|^\s*\[[^\]]+\]:\s*<?([^\s>]+)>?|\b(?:src|srcset|href)="([^"]+)\"""", re.M)


def prose(text: str) -> str:
    """The text without its code."""
    text = re.sub(r"^( *)(```+|~~~+).*?^\1?\2[ \t]*$", "", text, flags=re.M | re.S)
    return re.sub(r"(`+)(?!`).*?\1", lambda code: "" if "](" in code[0] else code[0], text)


def anchors(text: str) -> set[str]:
    """The anchors of the headings, as the usual sites make them, and those that are written as HTML."""
    found, seen = set(re.findall(r"""\b(?:id|name)="([^"]+)\"""", text)), {}
    for heading in re.findall(r"^#{1,6}\s+(.*?)\s*#*$", prose(text), re.M):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")
        count = seen.setdefault(slug, 0)
        seen[slug] += 1
        found.add(f"{slug}-{count}" if count else slug)
    return found


def target(document: str, link: str) -> tuple[str, str] | None:
    """The file and the anchor that a link names; none if it is not for us to check."""
    path, _, anchor = link.partition("#")
    if re.match(r"[a-z][a-z+.-]*:(?!:)", path):
        return None
    page = re.fullmatch(r"crate::guide::(\w+)", path)
    if page:
        return f"src/guide/{page[1]}.md", anchor
    if path in PAGES:
        return PAGES[path], anchor
    if "::" in path or re.fullmatch(r"\w+(@\w+)?(\(\))?", path) and not Path(document).parent.joinpath(path).exists():
        return None
    parts: list[str] = []
    for part in PurePosixPath(document if not path else PurePosixPath(document).parent / path).parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts), anchor


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True)
    files = {name for name in listed.stdout.splitlines() if Path(name).exists()}
    folders = {str(folder) for name in files for folder in PurePosixPath(name).parents}
    texts = {name: Path(name).read_text(encoding="utf-8") for name in sorted(files) if name.endswith(".md")}
    checked, broken = 0, []
    for document, text in texts.items():
        for link in (next(filter(None, groups)) for groups in LINK.findall(prose(text))):
            found = target(document, link)
            if found is None:
                continue
            checked += 1
            name, anchor = found
            if name not in files | folders:
                broken.append(f"{document}: {link}: there is no {name}")
            elif anchor and name in texts and anchor not in anchors(texts[name]):
                broken.append(f"{document}: {link}: {name} has no such heading")
    print(*broken, f"{checked} links in {len(texts)} documents, {len(broken)} broken.", sep="\n")
    return 1 if broken or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
