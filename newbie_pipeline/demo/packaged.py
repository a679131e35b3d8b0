"""The demo checkpoint that comes with the package; loads nothing.

`newbie demo train` made it, its README.md says when and on what, and `newbie demo evaluate` tells
how well it follows prompts. A checkpoint is named after its folder.
"""

from pathlib import Path

DEMO = "demo"
DEMO_NAME = "newbie-demo"
DEMO_CHECKPOINT = Path(__file__).parent / "checkpoint" / DEMO_NAME
