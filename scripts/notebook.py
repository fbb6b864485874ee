"""For notebooks and scripts of your own: `import scripts.notebook`, and the bundle's functions can
be called.

It has the database ready, and goes to this folder, where the command line has its settings, notes
and outbox.
"""

import os

from scripts.database.ready import ready
from scripts.paths import ROOT

os.chdir(ROOT)
database_url = ready()
