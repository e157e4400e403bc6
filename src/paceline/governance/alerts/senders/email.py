"""Mail, by SMTP. Messages about one incident are one thread; TLS wherever the server offers it or the address says so.

Source: RFC 5322 (threading by `References`), RFC 3834 (`Auto-Submitted`).
"""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from urllib.parse import unquote, urlsplit

from paceline.governance.alerts.alert import Alert, State
from paceline.governance.alerts.errors import NotSentError
from paceline.governance.alerts.wording import headline, plain_text

__all__ = ["message", "send"]

_TIMEOUT_S = 20.0
_PORTS = {"smtp": 587, "smtps": 465}


def send(alert: Alert, to: str, *, server: str, sender: str, trust: ssl.SSLContext | None = None) -> None:
    """Send a mail. `server`: `smtp://[USER:PASSWORD@]HOST[:PORT]` (STARTTLS when offered) or `smtps://…`.

    With a user the connection must be encrypted. Raises `NotSentError`.
    """
    parts = urlsplit(server)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise NotSentError("the mail server's address is not smtp://HOST or smtps://HOST", again=False)
    context = trust or ssl.create_default_context()
    port = parts.port or _PORTS[parts.scheme]
    try:
        if parts.scheme == "smtps":
            client: smtplib.SMTP = smtplib.SMTP_SSL(parts.hostname, port, timeout=_TIMEOUT_S, context=context)
        else:
            client = smtplib.SMTP(parts.hostname, port, timeout=_TIMEOUT_S)
        with client:
            client.ehlo()
            if parts.scheme == "smtp" and client.has_extn("starttls"):
                client.starttls(context=context)
                client.ehlo()
            elif parts.scheme == "smtp" and parts.username:
                raise NotSentError("the mail server offers no encryption, so the password was not sent", again=False)
            if parts.username:
                client.login(unquote(parts.username), unquote(parts.password or ""))
            client.send_message(message(alert, to, sender))
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise NotSentError(
            "the mail server refused the recipient", again=all(400 <= code < 500 for code in codes)
        ) from None
    except smtplib.SMTPResponseException as error:
        raise NotSentError(f"the mail server answered {error.smtp_code}", again=400 <= error.smtp_code < 500) from None
    except (smtplib.SMTPException, OSError) as error:
        raise NotSentError(f"the mail server was not reached: {type(error).__name__}", again=True) from None


def message(alert: Alert, to: str, sender: str) -> EmailMessage:
    """Compose the mail. All about one incident refer to one id, so that they are one thread."""
    domain = sender.rpartition("@")[2] or "paceline"
    thread = f"<{alert.key}@{domain}>"
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, to
    mail["Subject"] = " ".join(headline(alert).split())
    mail["Date"] = format_datetime(alert.ended or alert.since)
    mail["Message-ID"] = make_msgid(alert.key, domain)
    mail["References"], mail["In-Reply-To"] = thread, thread
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Paceline-Incident"] = " ".join(alert.incident.split())
    if alert.state is State.FIRING:
        mail["X-Priority"] = "1" if alert.severity == "page" else "3"
    mail.set_content(plain_text(alert) + "\n")
    return mail
