# requirements:

"""What to do about a certificate that is not trusted."""

# As OpenSSL, rustls and Windows word it.
UNTRUSTED = (
    "certificate_verify_failed",
    "certificate verify failed",
    "unknownissuer",
    "unknown issuer",
    "self-signed certificate",
    "self signed certificate",
    "unable to get local issuer",
)


def advise(said: str) -> str:
    """Return what to add to a fault about an untrusted certificate; nothing for others."""
    folded = said.casefold()
    if not any(words in folded for words in UNTRUSTED):
        return ""
    return (
        "; nobody that this machine trusts has signed its certificate: where a proxy inspects TLS,"
        " add the proxy's certificate to the system's, or name its file in SSL_CERT_FILE"
    )
