# SPDX-License-Identifier: Apache-2.0
"""Machines with a kernel of their own. Builds on the harness of the system tests: importing this
package is what makes `harness` known.
"""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "system"))
