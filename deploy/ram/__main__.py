"""Writes the RAM policies."""

from pathlib import Path

from deploy.ram.policies import policies

if __name__ == "__main__":
    for name, text in policies().items():
        (Path(__file__).parent / name).write_text(text, encoding="utf-8")
