"""An authority of a check's own and what it issues, by the openssl tool; gone with their folder."""

import pathlib
import ssl
import subprocess
import tempfile


class Certificates:
    """`with Certificates() as certificates:` has certificates.ca and certificates.issue(name, names)."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="brume-tls-")
        self.path = pathlib.Path(self.folder.name)
        self.ca = str(self.path / "ca.pem")
        self.run("req", "-x509", *self.new_key("ca"), "-days", "2", "-subj", "/CN=Check Authority", "-out", self.ca)
        return self

    def __exit__(self, kind, value, trace):
        self.folder.cleanup()

    def run(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True)

    def new_key(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(self.path / f"{name}.key")]

    def issue(self, name, names=None):
        """The paths of NAME.pem and NAME.key, good for two days; `names` as in "DNS:a.test,IP:127.0.0.1"."""
        request, certificate = self.path / f"{name}.csr", self.path / f"{name}.pem"
        self.run("req", *self.new_key(name), "-subj", f"/CN={name}", "-out", str(request))
        extensions = self.path / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\n" if names else "basicConstraints=CA:FALSE\n")
        self.run(
            "x509", "-req", "-in", str(request), "-CA", self.ca, "-CAkey", str(self.path / "ca.key"), "-CAcreateserial",
            "-days", "2", "-extfile", str(extensions), "-out", str(certificate),
        )
        return str(certificate), str(self.path / f"{name}.key")

    def client(self, version=None, protocols=("http/1.1",)):
        """An ssl.SSLContext that trusts the authority."""
        context = ssl.create_default_context(cafile=self.ca)
        if version:
            context.minimum_version = context.maximum_version = version
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context


def wrapped(context, host="a.test", session=None):
    """For RawWebSocket's `wrap`."""
    return lambda plain: context.wrap_socket(plain, server_hostname=host, session=session)
