"""Where the checkout is and where what it makes is kept."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / ".millrace"
