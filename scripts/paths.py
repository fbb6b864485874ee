"""Where the checkout is and where what it makes is kept."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Set by scripts/state.sh, which says where it is when the checkout cannot be written.
STATE = Path(os.environ.get("MILLRACE_STATE") or ROOT / ".millrace")
