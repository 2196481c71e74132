"""Stand-ins for the services that sinks tell: for rehearsals without an account, never a part of production.

The tests of the sinks drive them, and so does the pager profile of docker-compose.yml. Each keeps to what its service
documents (limits, codes, bodies), has its state, and misbehaves on request.
"""

from streams.stand_in.pager import Pager, change_refusals, refusals
from streams.stand_in.server import Fault, StandIn, serve

__all__ = ["Fault", "Pager", "StandIn", "change_refusals", "refusals", "serve"]
