"""A mail server that keeps what it gets. Its library comes with the extra `demo`."""

from __future__ import annotations

import asyncio
import ssl
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from streams.stand_in._answers import KEPT_MAX, Say


class Post:
    """`password` None wants no log-in. `refuse` holds an SMTP reply, by command, that it gives instead of its own."""

    def __init__(self, say: Say) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.password: str | None = None
        self.refuse: dict[str, str] = {}
        self._say = say

    async def listen(self, host: str, port: int, context: ssl.SSLContext | None = None, *, tls: bool = False) -> Any:
        """Listens on a port (0: any free one), with STARTTLS where there is a `context`, or TLS from the first byte.
        Raises ImportError where the library is missing, OSError where the port is taken."""
        from aiosmtpd.smtp import SMTP  # an optional extra

        def session() -> Any:
            return SMTP(
                self,
                hostname="stand-in",
                enable_SMTPUTF8=True,
                tls_context=None if tls else context,
                require_starttls=context is not None and not tls,
                authenticator=self._let_in,
                auth_required=self.password is not None,
                auth_require_tls=not tls,
            )

        return await asyncio.get_running_loop().create_server(session, host, port, ssl=context if tls else None)

    def _let_in(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> Any:
        from aiosmtpd.smtp import AuthResult  # an optional extra

        return AuthResult(success=self.password in (None, data.password.decode()), handled=False)

    # --- what aiosmtpd calls -----------------------------------------------------------------------------------------

    async def handle_MAIL(self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.refuse.get("MAIL", "250 OK")

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]) -> str:  # noqa: N802
        refused = self.refuse.get(f"RCPT {address}") or self.refuse.get("RCPT")
        if refused is None:
            envelope.rcpt_tos.append(address)
        return refused or "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if "DATA" in self.refuse:
            return self.refuse["DATA"]
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.messages = [*self.messages, message][-KEPT_MAX:]
        self.recipients = [*self.recipients, envelope.rcpt_tos][-KEPT_MAX:]
        self._say(f"mail        to {', '.join(envelope.rcpt_tos)}: {message['Subject']}")
        return "250 OK"
