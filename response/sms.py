"""Text messages to customers who asked for them: whose case an outage touches, one a customer and state of an incident,
never in the tenant's quiet hours, never more than so many a day. What would come in the quiet hours waits for their end
and then says only how things stand by then.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from response import cases
from response.state import Desk, IncidentState, Texted
from schemas.centre import SmsRules

CONSENT = "sms"
DAY = timedelta(days=1)
CUSTOMERS_MAX = 4_000  # remembered; beyond them nobody is texted, for nobody is to be texted twice
BATCH = 500


def quiet(rules: SmsRules, now: datetime, zone: ZoneInfo) -> bool:
    """Whether nobody is to be disturbed; the hours may span midnight."""
    begins, ends, local = time.fromisoformat(rules.quiet_from), time.fromisoformat(rules.quiet_to), now.astimezone(zone)
    clock = local.time()
    if begins == ends:
        return False
    return begins <= clock < ends if begins < ends else clock >= begins or clock < ends


def recipients(desk: Desk, incident: IncidentState, state: str) -> list[str]:
    """Whom to text this state now, each once; they count as texted from here on."""
    rules = desk.centre.sms if desk.centre else SmsRules()
    _forget(desk)
    found = []
    for customer in _touched(desk, incident):
        known = desk.texted.get(customer)
        if known is None:
            if len(desk.texted) >= CUSTOMERS_MAX:
                continue
            known = Texted()
        if known.said.get(incident.incident_id) == state or len(known.at) >= rules.a_day_max:
            continue
        if state.endswith("over") and incident.incident_id not in known.said:
            continue  # who was never told that it began need not hear that it is over
        known.said = {**known.said, incident.incident_id: state}
        known.at = [*known.at, desk.now]
        desk.texted[customer] = known
        found.append(customer)
    return found


def _touched(desk: Desk, incident: IncidentState) -> list[str]:
    open_cases = (case for _, case in sorted(desk.cases.by_id.items()) if CONSENT in case.consent)
    return cases.customers(cases.touched_by(incident.scope, incident.resolved_at, open_cases))


def _forget(desk: Desk) -> None:
    """Texts older than a day count no more; customers of incidents that are over are forgotten with them."""
    for customer, known in list(desk.texted.items()):
        known.at = [at for at in known.at if at > desk.now - DAY]
        known.said = {name: state for name, state in known.said.items() if name in desk.incidents}
        if not known.at and not known.said:
            del desk.texted[customer]
