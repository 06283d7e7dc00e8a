"""Every refusal of the REST side that Alpaca is known to give and the exchange can be brought to: `REFUSALS`.

One row says what was wrong, how that is asked, and the status, code, text and further fields of the answer.
`PYTHONPATH=tests python -m conformance.refusals` prints them.
"""

from conformance.refusals.of_data import OF_DATA
from conformance.refusals.of_means import OF_MEANS
from conformance.refusals.of_options import OF_OPTIONS
from conformance.refusals.of_routes import OF_ENTRY, OF_LISTS
from conformance.refusals.of_rules import OF_RULES
from conformance.refusals.of_shape import OF_SHAPE
from conformance.refusals.of_states import OF_STATES
from conformance.refusals.refusal import Refusal, matches, named, order

__all__ = ["REFUSALS", "Refusal", "matches", "named", "order"]

REFUSALS: tuple[Refusal, ...] = (
    *OF_ENTRY,
    *OF_SHAPE,
    *OF_RULES,
    *OF_MEANS,
    *OF_OPTIONS,
    *OF_STATES,
    *OF_LISTS,
    *OF_DATA,
)
