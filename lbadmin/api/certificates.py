"""/layer7/certificates: what virtual services terminate TLS with."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from lbadmin import edits
from lbadmin.api.context import Context, ContextDep
from lbadmin.api.problems import CREATED, RESPONSES
from lbadmin.api.revisions import Reader, Writer
from lbadmin.certificates import (
    MAX_DAYS,
    MAX_NAMES,
    Bundle,
    Country,
    Name,
    ShortText,
    Subject,
    leaf_of,
    make_request,
    make_self_signed,
    read_bundle,
    read_chain,
)
from lbadmin.client import PREFIX
from lbadmin.document import Document
from lbadmin.fields import Label, PemText
from lbadmin.model import Certificate, ClusterConfig
from lbadmin.openssl import refused

router = APIRouter(prefix=f"{PREFIX}/layer7/certificates", responses=RESPONSES, tags=["certificates"])

MAX_FILE = 256 * 1024
"""Bytes of an imported file; a chain of ten certificates and a key takes a tenth."""


class CertificateInfo(BaseModel):
    """What a certificate says, and the virtual services that use it; times are UTC."""

    label: str
    subject: str
    names: tuple[str, ...]
    issuer: str
    not_before: datetime
    not_after: datetime
    expires_in_days: int
    self_signed: bool
    fingerprint_sha256: str
    used_by: list[str]
    chain: str


class CertificateList(BaseModel):
    """All certificates, in the order in which they were added."""

    certificates: list[CertificateInfo]


class NewSelfSigned(Subject):
    """A certificate to be made."""

    label: Label
    # Browsers and Apple's devices refuse longer ones, also of a private authority.
    days: Annotated[int, Field(ge=1, le=MAX_DAYS, strict=True)] = 825


class Import(Document):
    """A file with a certificate, its chain and its private key, in PEM or PKCS#12 (.pfx, .p12) form."""

    label: Label
    content: Annotated[str, Field(max_length=2 * MAX_FILE, description="The file in base64.")]
    passphrase: Annotated[str | None, Field(max_length=256)] = None


class Chain(Document):
    """The certificate that an authority signed for the key that is there, and the intermediate ones."""

    chain: PemText


class NewRequest(Document):
    """Whom the request is for; left out, it is whom the certificate is for."""

    common_name: Annotated[Name | None, Field(max_length=64)] = None
    names: Annotated[tuple[Name, ...], Field(max_length=MAX_NAMES)] = ()
    organisation: ShortText | None = None
    country: Country | None = None

    def subject(self) -> Subject | None:
        """Return whom the request is for, None for the certificate's own subject. Raises RefusedError."""
        if self.common_name is not None:
            return Subject.model_validate(self.model_dump())
        if self.names or self.organisation or self.country:
            raise refused(
                "common_name", "common_name is missing; give it with the other fields, or none of them"
            )
        return None


class SigningRequest(BaseModel):
    """A certificate signing request in PEM form (PKCS#10)."""

    csr: str


def _info(context: Context, cluster: ClusterConfig, certificate: Certificate) -> CertificateInfo:
    leaf = leaf_of(context.system, certificate.chain)
    return CertificateInfo(
        label=certificate.label,
        subject=leaf.subject,
        names=leaf.names,
        issuer=leaf.issuer,
        not_before=leaf.not_before,
        not_after=leaf.not_after,
        expires_in_days=(leaf.not_after - datetime.now(UTC)).days,
        self_signed=leaf.self_signed,
        fingerprint_sha256=leaf.fingerprint_sha256,
        used_by=[
            each.label for each in cluster.virtual_services if each.tls_certificate == certificate.label
        ],
        chain=certificate.chain,
    )


@router.get("", operation_id="listCertificates", summary="List the certificates")
def list_certificates(context: ContextDep, reader: Reader) -> CertificateList:
    """Whom they are for, until when, and which virtual services use them."""
    cluster = reader.cluster()
    return CertificateList(certificates=[_info(context, cluster, each) for each in cluster.certificates])


@router.post(
    "/self-signed", operation_id="addSelfSigned", summary="Make a self-signed certificate", **CREATED
)
def add_self_signed(
    context: ContextDep, writer: Writer, response: Response, body: NewSelfSigned
) -> CertificateInfo:
    """Makes a new key (EC P-256), too; a request for it can be signed by an authority afterwards."""
    bundle = make_self_signed(context.system, body, body.days)
    return _add(context, writer, response, body.label, bundle, kind="self-signed")


@router.post(
    "/import", operation_id="importCertificate", summary="Import a certificate with its key", **CREATED
)
def import_certificate(
    context: ContextDep, writer: Writer, response: Response, body: Import
) -> CertificateInfo:
    """PEM or PKCS#12 of at most 256 KiB; the chain is put in order, and the key is never told again."""
    try:
        content = base64.b64decode("".join(body.content.split()), validate=True)
    except (binascii.Error, ValueError):
        raise refused("content", "content is not base64; encode the file's bytes in it") from None
    if len(content) > MAX_FILE:
        raise refused(
            "content", "content is larger than 256 KiB; give the certificate, its chain and its key"
        )
    bundle = read_bundle(context.system, content, body.passphrase)
    return _add(context, writer, response, body.label, bundle, kind="imported")


def _add(
    context: Context, writer: Writer, response: Response, label: str, bundle: Bundle, *, kind: str
) -> CertificateInfo:
    certificate = Certificate(label=label, chain=bundle.chain, key=bundle.key.id)
    changed = writer.change_cluster(
        lambda cluster: edits.add_certificate(cluster, certificate),
        f"add {kind} certificate {label}",
        keys={bundle.key.id: bundle.key.pem},
    )
    response.headers["Location"] = f"{router.prefix}/{quote(label)}"
    return _info(context, changed, certificate)


@router.get("/{label}", operation_id="getCertificate", summary="Read a certificate")
def get_certificate(context: ContextDep, reader: Reader, label: str) -> CertificateInfo:
    """One certificate with its chain; the private key is never told."""
    cluster = reader.cluster()
    return _info(context, cluster, edits.certificate_of(cluster, label))


@router.put("/{label}/chain", operation_id="putChain", summary="Install a signed certificate")
def put_chain(context: ContextDep, writer: Writer, label: str, body: Chain) -> CertificateInfo:
    """For the key that is there: refused when none of the certificates fits it."""

    def edit(cluster: ClusterConfig) -> ClusterConfig:
        old = edits.certificate_of(cluster, label)
        chain = read_chain(context.system, body.chain, old.key)
        return edits.replace_certificate(cluster, label, old.model_copy(update={"chain": chain}))

    changed = writer.change_cluster(edit, f"install the signed certificate {label}")
    return _info(context, changed, edits.certificate_of(changed, label))


@router.post("/{label}/csr", operation_id="makeRequest", summary="Make a certificate signing request")
def make_csr(
    context: ContextDep, reader: Reader, label: str, body: NewRequest | None = None
) -> SigningRequest:
    """For the key that is there: what the authority signs goes to PUT .../chain."""
    certificate = edits.certificate_of(reader.cluster(), label)
    key = context.changes.keys.read(certificate.key)
    subject = None if body is None else body.subject()
    return SigningRequest(csr=make_request(context.system, key, certificate.chain, subject))


@router.delete("/{label}", operation_id="deleteCertificate", summary="Delete a certificate", status_code=204)
def delete_certificate(writer: Writer, label: str) -> None:
    """Refused while a virtual service uses it; its key goes when no kept revision needs it any more."""
    writer.change_cluster(
        lambda cluster: edits.remove_certificate(cluster, label), f"delete certificate {label}"
    )
