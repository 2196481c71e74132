"""What the desk hears and says, as metrics: incidents and their evidence, people, load shifts, tools, decisions."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from response.floor import believed
from response.guard import APPROVABLE
from schemas.base import Message
from schemas.command import LoadShiftCommand, StaffingAlert
from schemas.decision import CommandResult, OperatorDecision
from schemas.desk import DeskEntry
from schemas.health import ToolHealth
from schemas.incident import Incident
from schemas.signal import Evidence, Signal
from schemas.status import DeskStatus, SlowTool
from schemas.workforce import Workforce
from streams import telemetry
from streams.series import Labels, Series

QUEUES_MAX = 2_000
SITES_MAX = 50
TOOLS_MAX = 1_000
SYMPTOMS_MAX = 1_000
SHIFTS_MAX = 500
INCIDENTS_MAX = 500
TENANTS_MAX = 1_000
SIGNALS_MAX = 5_000
PHASES = ("pending", "open", "easing", "watching")
UP = {"up": 1.0, "degraded": 0.5, "down": 0.0}
OVER = ("refused", "reverted", "expired")


class DeskGauges:
    """Remembers what a gauge needs between messages: which incidents are in which phase, which queues are short, what
    moves where."""

    def __init__(self) -> None:
        self._phase: dict[str, dict[str, str]] = {}
        self._short: dict[tuple[str, str], dict[str, int]] = {}
        self._sites: OrderedDict[Labels, dict[str | None, Workforce]] = OrderedDict()
        self._evidence: OrderedDict[str, Evidence] = OrderedDict()
        self._showing: dict[str, Incident] = {}
        self._shifts: dict[str, LoadShiftCommand] = {}
        self._waiting: dict[str, LoadShiftCommand] = {}
        self._phases = Series("tenants", TENANTS_MAX * len(PHASES), telemetry.INCIDENTS_OPEN)
        self._incidents = Series("incidents", INCIDENTS_MAX, telemetry.INCIDENT_OPENED)
        self._symptoms = Series(
            "symptoms",
            SYMPTOMS_MAX,
            telemetry.INCIDENT_EVIDENCE,
            telemetry.INCIDENT_EVIDENCE_THRESHOLD,
            telemetry.INCIDENT_RATIO,
        )
        self._agents = Series("agents", 3 * QUEUES_MAX, telemetry.QUEUE_AGENTS)
        self._missing = Series("alerts", QUEUES_MAX, telemetry.QUEUE_AGENTS_SHORT, telemetry.QUEUE_SERVICE_LEVEL)
        self._missing_by_channel = Series("channels", QUEUES_MAX, telemetry.AGENTS_SHORT)
        self._ways = Series("load shifts", SHIFTS_MAX, telemetry.LOAD_SHIFT_SHARE)
        self._asking = Series("tenants", TENANTS_MAX, telemetry.LOAD_SHIFTS_WAITING)
        self._kills = Series("tenants", TENANTS_MAX, telemetry.KILLED)
        self._budgets = Series("tenants", TENANTS_MAX, telemetry.FALSE_ALARM_BUDGET, telemetry.FALSE_ALARM_SPENT)
        self._slow: dict[str, set[Labels]] = {}  # by tenant: tools that answer later than usual
        self._tools = Series("tools", TOOLS_MAX, telemetry.TOOL_UP, telemetry.TOOL_LATENCY, telemetry.TOOL_HEARD)

    def observe(self, value: Any) -> None:
        """One message that intake or the response fold put on the bus."""
        match value:
            case DeskEntry(body=Workforce() as said):
                self._people(said)
            case DeskEntry(body=CommandResult() as answer):
                self._result(answer)
            case DeskEntry(body=OperatorDecision() as decision):
                self._decision(decision)
            case Incident():
                self._incident(value)
            case StaffingAlert():
                self._alert(value)
            case LoadShiftCommand():
                self._shift(value)
            case DeskStatus():
                self._kills.set((value.tenant,), float(bool(value.stops)))
                self._slow[value.tenant] = {_place(value.tenant, one) for one in value.slow}
                if value.budget is not None:
                    self._budgets.set((value.tenant,), value.budget.stated, float(value.budget.spent))

    def heard(self, entry: DeskEntry) -> None:
        """One entry of the desk, as the response fold reads it: a signal's evidence is shown under its incident, what a
        tool says of itself beside what the fold found of it."""
        if isinstance(entry.body, ToolHealth):
            self._tool(entry.body)
        elif isinstance(entry.body, Signal):
            self._signal(entry.body)

    def _signal(self, signal: Signal) -> None:
        self._evidence[signal.signal_id] = signal.evidence
        self._evidence.move_to_end(signal.signal_id)
        while len(self._evidence) > SIGNALS_MAX:
            self._evidence.popitem(last=False)
        for incident in self._showing.values():
            if any(symptom.signal_id == signal.signal_id for symptom in incident.symptoms):
                self._show_symptoms(incident)

    def standing(self, value: Message) -> None:
        """What goes on, as read back after a start: it is shown, and no news."""
        match value:
            case Incident():
                self._show(value)
            case LoadShiftCommand():
                self._move(value)
            case StaffingAlert() | DeskStatus():
                self.observe(value)

    def clear(self) -> None:
        """Another process has the desks now."""
        for kept in (self._phase, self._short, self._sites, self._evidence, self._showing, self._slow):
            kept.clear()
        for rest in (self._shifts, self._waiting):
            rest.clear()
        for series in (self._phases, self._incidents, self._symptoms, self._agents, self._missing):
            series.clear()
        for series in (self._missing_by_channel, self._ways, self._asking, self._kills, self._budgets, self._tools):
            series.clear()

    # --- incidents ---------------------------------------------------------------------------------------------------

    def _incident(self, incident: Incident) -> None:
        if self._phase.get(incident.tenant, {}).get(incident.incident_id) != incident.phase:
            about = telemetry.exemplar(incident.incident_id)
            telemetry.INCIDENTS.labels(incident.tenant, incident.phase).inc(exemplar=about)
        self._show(incident)

    def _show(self, incident: Incident) -> None:
        phases = self._phase.setdefault(incident.tenant, {})
        phases[incident.incident_id] = incident.phase
        if incident.phase == "resolved" or incident.merged_into is not None:
            self._leave(incident)
        else:
            self._showing[incident.incident_id] = incident
            at = (incident.tenant, incident.incident_id, incident.cause.kind)
            self._incidents.keep(at[:2], [at])  # its cause may be another one now
            self._incidents.set(at, incident.opened_at.timestamp())
            self._show_symptoms(incident)
        for phase in PHASES:
            self._phases.set((incident.tenant, phase), sum(p == phase for p in phases.values()))

    def _leave(self, incident: Incident) -> None:
        self._phase[incident.tenant].pop(incident.incident_id)
        self._showing.pop(incident.incident_id, None)
        for series in (self._incidents, self._symptoms, self._ways):
            series.keep((incident.tenant, incident.incident_id), ())
        for kept in (self._shifts, self._waiting):
            for name in [name for name, one in kept.items() if one.incident_id == incident.incident_id]:
                del kept[name]
        self._count_waiting(incident.tenant)

    def _show_symptoms(self, incident: Incident) -> None:
        shown: list[Labels] = []
        for symptom in incident.symptoms:
            if symptom.state == "cleared":
                continue
            labels = (incident.tenant, incident.incident_id, str(symptom.series), symptom.signal_kind)
            evidence = self._evidence.get(symptom.signal_id)
            known = (evidence.statistic, evidence.threshold) if evidence else (None, None)
            self._symptoms.set(labels, *known, symptom.ratio)
            shown.append(labels)
        self._symptoms.keep((incident.tenant, incident.incident_id), shown)

    # --- people ------------------------------------------------------------------------------------------------------

    def _people(self, said: Workforce) -> None:
        """Agents of a queue, over the sites that report it."""
        at = (said.tenant, said.queue.channel, str(said.queue))
        sites = self._sites.setdefault(at, {})
        if said.site in sites or len(sites) < SITES_MAX:
            sites[said.site] = said
        self._sites.move_to_end(at)
        while len(self._sites) > QUEUES_MAX:
            self._sites.popitem(last=False)
        there = believed(sites.values())
        self._agents.set((*at, "staffed"), sum(one.staffed for one in there))
        self._agents.set((*at, "available"), sum(one.available for one in there))
        self._agents.set((*at, "on-contact"), sum(one.on_contact for one in there))

    def _alert(self, alert: StaffingAlert) -> None:
        channel, queue = (alert.tenant, alert.queue.channel), str(alert.queue)
        short = self._short.setdefault(channel, {})
        if alert.state == "open":
            short[queue] = max(0, alert.intervals[0].agents_short if alert.intervals else 0)
            self._missing.set((*channel, queue), short[queue], alert.service_level_now)
        else:
            short.pop(queue, None)
            self._missing.remove((*channel, queue))
        self._missing_by_channel.set(channel, sum(short.values()))

    # --- load shifts -------------------------------------------------------------------------------------------------

    def _shift(self, shift: LoadShiftCommand) -> None:
        told = shift.mode if shift.blocked_by is None else "blocked"
        about = telemetry.exemplar(shift.incident_id)
        telemetry.COMMANDS.labels(shift.action, told).inc(exemplar=about)
        self._move(shift)

    def _move(self, shift: LoadShiftCommand) -> None:
        if shift.blocked_by is None:
            self._waiting.pop(shift.command_id, None)
            self._shifts[shift.command_id] = shift
            self._ways.set(_way(shift), shift.share)
        elif shift.blocked_by.code in APPROVABLE:
            self._waiting[shift.command_id] = shift
        else:
            self._waiting.pop(shift.command_id, None)
        self._count_waiting(shift.tenant)

    def _result(self, answer: CommandResult) -> None:
        telemetry.COMMAND_RESULTS.labels(answer.state).inc()
        shift = self._shifts.get(answer.command_id)
        if shift is not None and answer.state in OVER:
            self._ways.set(_way(shift), 0.0)

    def _decision(self, decision: OperatorDecision) -> None:
        telemetry.DECISIONS.labels(decision.action).inc()
        if decision.action == "reject" and self._waiting.pop(decision.target, None) is not None:
            self._count_waiting(decision.tenant)

    def _count_waiting(self, tenant: str) -> None:
        self._asking.set((tenant,), sum(one.tenant == tenant for one in self._waiting.values()))

    # --- tools -------------------------------------------------------------------------------------------------------

    def _tool(self, said: ToolHealth) -> None:
        at = _place(said.tenant, said)
        up = UP[said.state]
        if at in self._slow.get(said.tenant, ()):
            up = min(up, UP["degraded"])
        self._tools.set(at, up, said.latency_seconds, said.at.timestamp())


def _place(tenant: str, of: ToolHealth | SlowTool) -> Labels:
    return (tenant, of.tool, of.provider or "", of.site or "")


def _way(shift: LoadShiftCommand) -> Labels:
    return (shift.tenant, shift.incident_id, shift.action, str(shift.from_queue), str(shift.to_queue))
