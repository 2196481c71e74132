"""Every limit and patience of the response fold, with its unit."""

from __future__ import annotations

import msgspec

MINUTE = 60.0
HOUR = 3600.0


class RespondParams(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds are event time unless a name says otherwise."""

    # time: `read_to` counts once `complete_to` stood still for so long
    still_after_seconds: float = 120.0
    tool_fresh_seconds: float = 600.0
    workforce_fresh_seconds: float = 1800.0

    # incidents
    joins_within_seconds: float = 1500.0
    # agents and tools speak of an incident if they changed so long before its onset, and are heard so long after it
    witness_before_seconds: float = 900.0
    witness_after_seconds: float = 1500.0
    confirm_seconds: float = 60.0
    ease_after_seconds: float = 60.0
    calm_after_seconds: float = 600.0
    watch_seconds: float = 48 * HOUR
    watch_feed_seconds: float = HOUR
    # while something is not back in its band the watch goes on, but not for ever: an estimate may never come back
    watch_seconds_max: float = 168 * HOUR
    recovery_every_seconds: float = 900.0
    cases_max: int = 20_000
    revise_every_seconds: float = 30.0
    mute_seconds: float = HOUR
    # the last rota is asked again so often while nobody takes an incident on
    ask_again_seconds: float = 900.0
    incidents_max: int = 50
    symptoms_max: int = 100
    moves_max: int = 50
    notes_max: int = 20
    decisions_remembered_max: int = 500

    # load shift and guard
    command_age_seconds_max: float = 300.0
    command_expiry_seconds: float = 1800.0
    renew_before_seconds: float = 300.0
    plan_every_seconds: float = 60.0
    check_after_seconds: int = 120
    share_grain: float = 0.025
    share_step_max: float = 0.25
    share_change_min: float = 0.05
    donor_margin: float = 0.1
    donor_headroom: float = 0.15
    commands_an_hour_max: int = 60
    tenant_commands_an_hour_max: int = 120
    judge_after_seconds: int = 600
    refused_route_rest_seconds: float = 600.0

    # of a call-back: the promise is kept within so long
    promise_seconds: float = 4 * HOUR
    # providers: taken for failed after so long a word of it, trusted again after so long without one
    provider_down_seconds: float = 60.0
    provider_up_seconds: float = 900.0
    switch_seconds_min: float = 1800.0

    # staffing
    interval_seconds: int = 900
    intervals: int = 8
    alert_every_seconds: float = 600.0
    handle_plan_counts: float = 30.0
    deferred_from_seconds: float = 1800.0

    # bulletins
    read_within_seconds: float = 300.0
    next_update_seconds: float = 900.0
    next_update_seconds_max: float = 24 * HOUR
