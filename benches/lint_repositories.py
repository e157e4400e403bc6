"""The trees that the linter is measured on: public repositories at fixed commits, laid in a scratch directory.

    python benches/lint_repositories.py [--trees DIR] [--mirrors DIR]

Brings the files a linter could read and nothing else. With `--mirrors DIR`, from git directories that are there
already (`DIR/<owner>+<name>/repo`); otherwise from the public address. Nothing of it is ever committed, built or run.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

TREES = Path(tempfile.gettempdir()) / "lint-repos"
WANTED = re.compile(
    r"\.(?:pyi?|ipynb|[cm]?[jt]s|[jt]sx|vue|svelte|toml)$|(?:^|/)(?:requirements[^/]*\.txt|package\.json|Pipfile|setup\.cfg)$"
)


@dataclass(frozen=True)
class Repository:
    """A repository at a commit. `held_back`: its misses were not looked at while the linter was made."""

    name: str
    commit: str
    held_back: bool = False

    @property
    def folder(self) -> str:
        """Name of its directory below the trees, and of its files of labels."""
        return self.name.replace("/", "+")


REPOSITORIES = (
    Repository("Aider-AI/aider", "5dc9490bb35f9729ef2c95d00a19ccd30c26339c"),
    Repository("FlowiseAI/Flowise", "ababf4c8ebc0263e03aeeb917832251d3fd785e4"),
    Repository("Mintplex-Labs/anything-llm", "72aabbd15481ae405434efd4c83d46026eef1173"),
    Repository("OpenInterpreter/open-interpreter", "dcfcffa9af13737bee1fa128364a718b56324998"),
    Repository("SakanaAI/AI-Scientist", "9dffdc445c2596ffa871b5588377e9f12558febc", held_back=True),
    Repository("Shubhamsaboo/awesome-llm-apps", "11a4bc330e4b0b1509577db4581c5cfbcf6ea6a0"),
    Repository("Skyvern-AI/skyvern", "07222e7a7caae79aacd5908c30e4a4445fce5f9b"),
    Repository("The-PR-Agent/pr-agent", "1c256d78b57f8c93176a8035ebae5fefbbfa3888"),
    Repository("assafelovic/gpt-researcher", "5d84d2f5553e70a2765a8ff3a0d2672d60437ce8"),
    Repository("e2b-dev/e2b-cookbook", "a6f55123624996d45f9015d6b39779335105a901", held_back=True),
    Repository("geekan/MetaGPT", "ba2868974b2ecc3fe4218ad29dd334867c07f678"),
    Repository("gptme/gptme", "d27f98d3a55451491d00bbd20035d328e34219b1"),
    Repository("infiniflow/ragflow", "b1b8cd623520b97b2526ffb1514bd812bdcc7eaf"),
    Repository("khoj-ai/khoj", "ae229ca894c0b80ad84664afcfdde523b5e87057"),
    Repository("letta-ai/letta", "56ba9c25552605eec89de8ed3dc6394b625c1993"),
    Repository("lm-sys/FastChat", "0e6d3e4beaab66f4d3f93db72541a4abab8af28d", held_back=True),
    Repository("mckaywrigley/chatbot-ui", "81328b61d2a4ab597a7a057be70e785cf756d9f8"),
    Repository("mem0ai/mem0", "8d5b7865bd0521e75fe9ab1b260eeccc83f8a378"),
    Repository("microsoft/autogen", "027ecf0a379bcc1d09956d46d12d44a3ad9cee14"),
    Repository("microsoft/promptflow", "6e76ef49beda52187d8ae38d710632cfeabedde4", held_back=True),
    Repository("midday-ai/midday", "47d252aab7e3ab28a0027376cfdd6ee83d2e5ccf", held_back=True),
    Repository("onyx-dot-app/onyx", "a7d66a8b778c3f9026c4f89dae47d14a3f84816f"),
    Repository("patchy631/ai-engineering-hub", "c5c22786b3200fd1c34024e28facc590ddba374f"),
    Repository("simonw/llm", "f3f4f29c6e5e623c3776cbf6455dda2345638214"),
    Repository("stanford-oval/storm", "fb951af7744dab086e34962e9bc6fe878e145f83"),
    Repository("vanna-ai/vanna", "365d0617c1a4567ffee1b19b40c27feb4206bfcf", held_back=True),
    Repository("vercel/ai-chatbot", "9d5d8a3ea7968522a37ab1cc145a6c0ef8a9dd2e"),
)


def bring(trees: Path, mirrors: Path | None = None) -> list[Repository]:
    """Lay every tree that is not there yet; returns those that are there, and says which could not be had."""
    there = []
    for repository in REPOSITORIES:
        target = trees / repository.folder
        stamp = trees / f"{repository.folder}.commit"
        if not (stamp.is_file() and stamp.read_text(encoding="utf-8").strip() == repository.commit):
            try:
                _lay(repository, target, mirrors)
            except (OSError, subprocess.CalledProcessError) as error:
                print(f"lint: {repository.name} could not be had: {error}", file=sys.stderr)
                continue
            stamp.write_text(repository.commit + "\n", encoding="utf-8")
        there.append(repository)
    return there


def _lay(repository: Repository, target: Path, mirrors: Path | None) -> None:
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="paceline-lint-") as scratch:
        held = mirrors / repository.folder / "repo" if mirrors else None
        if held is None or not held.is_dir():
            held = Path(scratch) / "git"
            _git(held, "init", "--bare", "--quiet", str(held))
            _git(held, "fetch", "--quiet", "--depth=1", f"https://github.com/{repository.name}", repository.commit)
        index = {**os.environ, "GIT_INDEX_FILE": str(Path(scratch) / "index")}
        names = _git(held, "ls-tree", "-r", "-z", "--name-only", repository.commit).split(b"\0")
        wanted = b"\0".join(name for name in names if WANTED.search(name.decode("utf-8", "replace")))
        _git(held, "read-tree", repository.commit, env=index)
        _git(held, f"--work-tree={target}", "checkout-index", "-q", "-f", "-z", "--stdin", env=index, given=wanted)


def _git(where: Path, *words: str, env: dict[str, str] | None = None, given: bytes | None = None) -> bytes:
    """Run git. A checkout may lack single files (a partial mirror, large media): that is no failure."""
    command = ["git", f"--git-dir={where}", *words]
    return subprocess.run(command, env=env, input=given, stdout=subprocess.PIPE, check=given is None).stdout


def arguments(about: str) -> argparse.ArgumentParser:
    """Return a parser with the options that all benches of the linter share."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--trees", type=Path, default=TREES, help="where the trees are, or are to be laid")
    parser.add_argument("--mirrors", type=Path, help="git directories to take them from")
    return parser


if __name__ == "__main__":
    given = arguments("Bring the trees the linter is measured on.").parse_args()
    for each in bring(given.trees, given.mirrors):
        print(f"{each.name} {each.commit}")
