"""The tests of the front end share one short way of asking it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
