"""Every route of Alpaca's documents that a client uses answers as documented, on an account full of life."""

from collections.abc import Iterator

import pytest
from conformance.conversation import Conversation
from conformance.script import SCENES
from openapi import served_operations
from wire import exchange_in_thread

# An announcement to be found by its id.
SPLIT = """
[[split]]
symbol = "KO"
ex_date = 2022-06-20
old_rate = 1
new_rate = 2
"""
SERVED = sorted(operation.name for operation in served_operations())


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conversation]:
    script = tmp_path_factory.mktemp("script") / "events.toml"
    script.write_text(SPLIT)
    options = {"requests_per_minute": 0, "data_requests_per_minute": 0, "script": script}
    with exchange_in_thread(start="2022-06-01T14:30:00Z", cash="250000", **options) as exchange:
        conversation = Conversation(exchange)
        for scene in SCENES:
            scene(conversation)
        yield conversation


@pytest.mark.parametrize("operation", SERVED)
def test_the_answers_of_a_route_are_as_documented(talk: Conversation, operation: str) -> None:
    faults = talk.faults(operation)
    assert not faults, "\n".join(faults)
    assert talk.succeeded(operation), "no test asks for it, or none gets an answer"


def test_nothing_was_asked_that_the_documents_do_not_know(talk: Conversation) -> None:
    assert {one.operation for one in talk.heard} <= set(SERVED)


def test_no_answer_was_a_failure_of_the_exchange(talk: Conversation) -> None:
    assert [one.request for one in talk.heard if one.status >= 500] == []
