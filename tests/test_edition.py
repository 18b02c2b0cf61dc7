"""An edition: the records of a study as one file, from which the same pages are made; and back to records."""

import json

import pandas as pd
import pytest
from pretend import pretend

from lstmcs import edition, records
from lstmcs.__main__ import main
from lstmcs.plan import Settings, plan
