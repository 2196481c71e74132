"""An Apache Kafka that asks who is there: every way to log in that the settings know, on one node.

Listeners: PLAINTEXT (the node's own), SASL_SSL (SCRAM, PLAIN, OAUTHBEARER over TLS), SASL_PLAINTEXT (the same, in the
clear) and SSL (a client certificate is asked for). OAuth tokens are unsigned here: what they are worth is the broker's
matter, that we fetch, send and renew them is ours.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.kafka import KafkaNode, free_port

USER, PASSWORD = "breakwater", "correct horse"
GUEST = "guest"  # may log in, with the same password, and nothing else
SASL_LISTENERS = ("SASL_SSL", "SASL_PLAINTEXT")
_MODULES = "org.apache.kafka.common.security"


@dataclass(frozen=True)
class Certificates:
    """PEM files: an authority, a broker of 127.0.0.1, a client; and an authority that signed neither."""

    directory: Path

    def make(self) -> Certificates:
        self.directory.mkdir(parents=True, exist_ok=True)
        for authority in ("ca", "stranger"):
            self._openssl(
                f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={authority}"
                f" -keyout {authority}.key -out {authority}.pem"
            )
        self._sign("broker", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        self._sign("client", "extendedKeyUsage=clientAuth")
        for name in ("broker", "client"):
            pair = (self / f"{name}.key").read_text() + (self / f"{name}.crt").read_text()
            (self / f"{name}.pem").write_text(pair + (self / "ca.pem").read_text())
        return self

    def __truediv__(self, name: str) -> Path:
        return self.directory / name

    def _sign(self, name: str, extension: str) -> None:
        (self / f"{name}.ext").write_text(extension + "\n")
        self._openssl(f"req -newkey rsa:2048 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr")
        self._openssl(
            f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile {name}.ext"
            f" -out {name}.crt"
        )

    def _openssl(self, arguments: str) -> None:
        subprocess.run(["openssl", *arguments.split()], cwd=self.directory, check=True, capture_output=True)


class SecuredKafka:
    def __init__(self, directory: Path) -> None:
        self.certificates = Certificates(directory / "certificates")
        self.ports = {name: free_port() for name in (*SASL_LISTENERS, "SSL")}
        self.node = KafkaNode(
            directory / "node",
            listeners=self.ports,
            properties=self._properties(),
            format_arguments=[
                f"--add-scram={mechanism}=[name={user},password={PASSWORD}]"
                for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
                for user in (USER, GUEST)
            ],
        )

    def start(self) -> SecuredKafka:
        self.certificates.make()
        self.node.start()
        return self

    def bootstrap(self, listener: str) -> str:
        return f"127.0.0.1:{self.ports[listener]}"

    def _properties(self) -> dict[str, str]:
        found = {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:ANONYMOUS;User:{USER};User:CN=client",
            "ssl.client.auth": "none",
            "listener.name.ssl.ssl.client.auth": "required",
        }
        for listener in ("sasl_ssl", "ssl"):
            found |= {
                f"listener.name.{listener}.ssl.keystore.type": "PEM",
                f"listener.name.{listener}.ssl.keystore.location": str(self.certificates / "broker.pem"),
                f"listener.name.{listener}.ssl.truststore.type": "PEM",
                f"listener.name.{listener}.ssl.truststore.location": str(self.certificates / "ca.pem"),
            }
        for listener in ("sasl_ssl", "sasl_plaintext"):
            at = f"listener.name.{listener}"
            scram = f"{_MODULES}.scram.ScramLoginModule required;"
            found |= {
                f"{at}.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
                f"{at}.scram-sha-256.sasl.jaas.config": scram,
                f"{at}.scram-sha-512.sasl.jaas.config": scram,
                f"{at}.plain.sasl.jaas.config": f'{_MODULES}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";',
                f"{at}.oauthbearer.sasl.jaas.config": f"{_MODULES}.oauthbearer.OAuthBearerLoginModule required"
                ' unsecuredLoginStringClaim_sub="broker";',
            }
        return found
