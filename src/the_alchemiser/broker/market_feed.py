"""One connection of market data: a frame becomes typed messages in one pass, in the call that brought its bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import picows

from the_alchemiser.broker.market_messages import decode_frame, decode_tolerantly
from the_alchemiser.broker.quarantine import Quarantine
from the_alchemiser.broker.websocket import Connection
from the_alchemiser.domain.probes import probe

MUTE_SECONDS_MAX = 5.0
"""Without data for so long where some must come, a feed is mute however promptly it answers pings."""
BEATS_PER_MUTE = 5


class Feed(Connection):
    """Hands on the messages of each frame as they arrive, and notices when there are none though there should be."""

    def __init__(
        self,
        take: Callable[[list[Any]], None],
        ended: Callable[[str], None],
        quarantine: Quarantine,
        silence_seconds: float,
        mute_seconds: float = MUTE_SECONDS_MAX,
    ) -> None:
        beat_seconds = min(mute_seconds, silence_seconds) / BEATS_PER_MUTE
        super().__init__(self._take_unusual, ended, silence_seconds, beat_seconds)
        self._take, self._quarantine = take, quarantine
        self._unfed_beats = 0
        self._unfed_beats_max = max(1, int(mute_seconds / beat_seconds) - 1)
        self.expects_data: Callable[[], bool] = bool
        """Whether data must be coming now; until it is set, never."""
        self.is_mute = False
        """Whether it was ended for its muteness."""
        self.is_fed = False
        """Whether data came since the last beat."""

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """The hot path: one decode, one call. Whatever is not a whole array of known messages goes the long way."""
        # What kind of frame it is costs more to ask than to try: nothing but a message decodes as an array of messages.
        if self.parts is None:
            try:
                messages = decode_frame(frame.get_payload_as_bytes())
            except (ValueError, RecursionError):
                super().on_ws_frame(transport, frame)
                return
            self.is_fed = True
            self._take(messages)
            return
        super().on_ws_frame(transport, frame)

    def trouble_at_beat(self) -> str:
        """Why the connection must end, or nothing."""
        is_waiting = not self.is_fed and not self.is_paused and self.expects_data()
        self._unfed_beats = self._unfed_beats + 1 if is_waiting else 0
        self.is_heard = self.is_heard or self.is_fed
        self.is_fed = False
        if self._unfed_beats >= self._unfed_beats_max:
            probe("market_feed.mute")
            self.is_mute = True
            return f"the feed is mute: no data for {self._unfed_beats * self._beat_seconds:.3g} s"
        return super().trouble_at_beat()

    def _take_unusual(self, message: bytes) -> None:
        """A message that came in pieces, holds kinds we do not know, or is none."""
        if not message:
            return  # the empty last piece of a message that its first piece held whole
        try:
            known, odd = decode_tolerantly(message)
        except (ValueError, RecursionError) as error:
            self._quarantine.put(f"a frame that is no array of messages ({error})", message)
            return
        for reason, part in odd:
            self._quarantine.put(reason, part)
        if known:
            self.is_fed = True
            self._take(known)
