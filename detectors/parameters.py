"""Every constant of the count detector, with its unit and its reason. A method page for the numbers."""

from __future__ import annotations

import math

import msgspec

# Ratios whose evidence is kept, against the edge of the usual band.
UP = (1.12, 1.35, 1.8, 2.6, 4.5, 10.0)
DOWN = (0.0, 0.1, 0.3, 0.6)
RATIOS = (*UP, *DOWN)
# Blocks in which a small shift may have begun: two hours of them.
SHIFT_BLOCKS = 24
DAY_SECONDS = 86_400


class CountParams(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one count series; the defaults were measured, not guessed.

    Variances are relative (0.0144 = 12 % standard deviation). Switches exist for ablations: what a part is worth shows
    when it is off.
    """

    # whether loads say what the coming hours hold: nobody hears them while history is learned
    looks_ahead: bool = True
    # evidence
    gain_max: float = 25.0  # of one pane, logarithm: one absurd count must not decide alone for ever
    evidence_max: float = 80.0  # logarithm at which evidence is cut off: 4h, and below the largest 32-bit float
    # season
    visit_discount: float = 0.8  # of a slot's memory at each visit: about five weeks
    visit_variance: float = 0.03  # between visits of one slot: day factor and slow noise
    day_variance: float = 0.03  # of how busy a day is, from week to week
    alike_variance: float = 0.003  # of how busy one weekday is against the others
    weekend_variance: float = 0.3  # ... a Saturday or Sunday
    shape_variance: float = 0.01  # of one half hour of one day around what its like and its surroundings say
    flat_variance: float = 2.0  # of a shape of which nothing is known
    one_day_variance: float = 0.15  # of a shape that one day has shown
    guess_variance: float = 0.5  # of which less is known is a guess: the level is also what the season should have been
    flat_visits: float = 0.05  # that a flat shape is worth
    doubtful_visits: float = 1.9  # so many may hold an incident; two weeks are worth 1.8
    doubtful_days: float = 1.3  # so many days may be an outage or a crowd from end to end
    sibling_variance: float = 0.05  # of a queue's shape around its channel's
    sibling_fade_weeks: float = 3.0  # that variance grows with what the queue itself has shown
    special_variance: float = 0.09  # of a calendar day for which no season is known
    robust_z: float = 2.58
    robust_variance_max: float = 0.3  # above it too little is known to distrust what comes
    robust: bool = True
    outage_variance_max: float = 0.1  # of a season that is known well enough to count what is far away for little
    far_weight: float = 0.3
    # level
    level_prior: float = 1 / 0.15**2  # expected contacts that the season's word is worth
    level_prior_young: float = 6.0
    # where a half hour's season is less unsure than that of the one before by this factor, the level made up for it
    level_known_ratio: float = 0.75
    level_half_life_seconds: float = 1980.0
    level_guess_half_life_seconds: float = 900.0  # it makes up for mornings, too
    level_block_seconds: int = 300
    level_limit_sd: float = 1.0  # of the counts' own noise beyond the band, that a block may tell the level
    level_min: float = 0.4
    level_max: float = 2.5
    level_min_young: float = 0.1
    level_max_young: float = 10.0
    level: bool = True
    young_seconds: float = 3.0 * DAY_SECONDS
    learning_seconds: float = 7.0 * DAY_SECONDS
    # tolerance: half-width of the band that is still usual
    tolerance_sd: float = 1.5
    tolerance_down_sd: float = 1.8  # what is missing has less to tell, and quiet hours last longer than busy ones
    tolerance_floor_variance: float = 0.05**2
    # how well the level follows, as blocks show it: prior, its weight, bound
    tracking_variance: float = 0.06**2
    tracking_variance_min: float = 0.03**2
    tracking_variance_max: float = 0.2**2
    tracking_weight: float = 40_000.0
    tracking_half_life_seconds: float = 7.0 * DAY_SECONDS
    tolerance_min: float = 0.05
    tolerance_max: float = 1.0
    tolerance_down_max: float = 4.0
    tolerance_skew: float = 2.5
    # of a season of which less is known than this (relative variance) the band widens more, and has more room
    tolerance_known_variance: float = 0.1
    unknown_weight: float = 1.5
    unknown_room: float = 10.0
    tolerance_unknown_max: float = 8.0
    # traffic that differs by more than this from one half hour to the next may step instead of ramp: either is usual
    step_ratio: float = 2.0
    # nothing is judged where less than this is known of the time of day (relative variance) and the level shows little
    quiet_variance: float = 0.25
    level_tells: float = 25.0  # contacts of the last hour that tell what a season does not know
    tolerance: bool = True
    # dispersion
    dispersion_prior: float = 0.05  # relative variance beyond Poisson
    dispersion_prior_weight: float = 800.0
    dispersion_half_life_seconds: float = 3.0 * DAY_SECONDS
    dispersion_min: float = 1e-4
    dispersion_max: float = 1.0
    winsor_sd: float = 3.0
    # frozen learning
    freeze_up: float = 4.0
    freeze_down: float = 5.0
    freeze_seconds_max: float = 3 * 3600.0
    # a ratio beyond these is no busy or quiet day: never learned while its signal is open
    far_up: float = 1.7
    far_down: float = 0.6
    # small shifts
    shifts: bool = True
    shift_ratio: float = 1.4
    shift_contacts_min: float = 25.0  # expected of a block
    shift_season_variance_max: float = 0.04  # a season that becomes known looks like a shift itself
    shift_day_variance: float = 0.12**2  # of how busy a day is
    shift_day_seconds: float = 12 * 3600.0  # in which that fades to 1/e
    shift_hour_seconds: float = 3600.0  # ... how busy an hour is
    shift_hour_share: float = 0.6  # of how far the level is away, that is the hour's: the rest is the level's delay
    shift_known_variance: float = 0.01  # of a season that is known; what is more is an hour's too
    shift_surprise_max: float = 2.0  # one absurd count must not make the hour absurd
    # slow channel
    slow_seconds: int = 900
    slow_dispersion: float = 0.05
    slow_tolerance_sd: float = 2.0  # a busy day outlasts what a busy hour is
    slow_season_variance_max: float = 0.1  # it needs a season that is known
    slow_variance_prior: float = 0.15**2
    slow_variance_weight: float = 100.0
    slow_variance_half_life_seconds: float = 7.0 * DAY_SECONDS
    # warm-up: nothing is said before so much was seen
    warm_up_seconds: float = 7200.0
    warm_up_contacts: float = 10.0
    # recovery
    recovery_line: float = math.log(100.0)
    recovery_ratio_min: float = 1.3
    recovery_ratio_max: float = 20.0
    accept_seconds: float = 1.0 * DAY_SECONDS
    # beyond these it is no new normal unless a person says so: a fifth of the calls for a day is an outage
    accept_ratio_min: float = 0.4
    accept_ratio_max: float = 3.0
    # whether a queue may borrow its channel's shape
    siblings: bool = True
