"""Colours, sizes, type, marks: the only place that has them.

The tokens are applied as a palette and one generated style sheet; widgets that paint themselves ask
``tokens()`` while painting. Light, dark and high contrast follow the system (``dressing``); high contrast
takes the system's palette and draws borders instead of washes.
"""

from codesign_wizard.theme.colours import Tokens as Tokens
from codesign_wizard.theme.colours import tokens as tokens
from codesign_wizard.theme.drawing import ink as ink
from codesign_wizard.theme.drawing import paint_chevron as paint_chevron
from codesign_wizard.theme.drawing import paint_field as paint_field
from codesign_wizard.theme.drawing import paint_focus as paint_focus
from codesign_wizard.theme.drawing import paint_selected_step as paint_selected_step
from codesign_wizard.theme.drawing import paint_tick as paint_tick
from codesign_wizard.theme.dressing import app_icon as app_icon
from codesign_wizard.theme.dressing import apply as apply
from codesign_wizard.theme.dressing import arguments as arguments
from codesign_wizard.theme.dressing import start as start
from codesign_wizard.theme.marks import SEVERITY_MARKS as SEVERITY_MARKS
from codesign_wizard.theme.marks import Mark as Mark
from codesign_wizard.theme.marks import paint_mark as paint_mark
from codesign_wizard.theme.marks import standing_mark as standing_mark
from codesign_wizard.theme.measures import CARD_PADDING as CARD_PADDING
from codesign_wizard.theme.measures import CONTROL_HEIGHT as CONTROL_HEIGHT
from codesign_wizard.theme.measures import GAP as GAP
from codesign_wizard.theme.measures import MARGIN as MARGIN
from codesign_wizard.theme.measures import MARK_SIZE as MARK_SIZE
from codesign_wizard.theme.measures import NARROW as NARROW
from codesign_wizard.theme.measures import RAIL_WIDTH as RAIL_WIDTH
from codesign_wizard.theme.measures import font as font
from codesign_wizard.theme.measures import margins as margins
from codesign_wizard.theme.measures import mirrored as mirrored
from codesign_wizard.theme.measures import placed as placed
from codesign_wizard.theme.measures import px as px
