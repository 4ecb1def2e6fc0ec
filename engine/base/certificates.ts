/** X.509: an authority and the certificates that it signs, all as PEM text (keys in PKCS #8, ECDSA P-256). */
import 'reflect-metadata';
import { randomBytes, type webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A certificate with its private key, both as PEM. */
export interface Credentials {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface CertificateRequest {
  /** The subject's CN; for a client of Kubernetes the user's name. */
  readonly commonName: string;
  /** The subject's O entries; for a client of Kubernetes the user's groups. */
  readonly organizations?: readonly string[];
  readonly usages: readonly ('client' | 'server')[];
  /** DNS names and IP addresses that a server answers to. */
  readonly hosts?: readonly string[];
  /** Milliseconds since the Unix epoch; the certificate is valid from an hour before. */
  readonly now: number;
  readonly validDays: number;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const USAGES = {
  client: x509.ExtendedKeyUsage.clientAuth,
  server: x509.ExtendedKeyUsage.serverAuth,
};

/** A self-signed certificate that may sign others. */
export async function createAuthority(
  request: Pick<CertificateRequest, 'commonName' | 'now' | 'validDays'>,
): Promise<Credentials> {
  const keys = await createKeys();
  const usage =
    x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [request.commonName] }],
    keys,
    signingAlgorithm: ALGORITHM,
    serialNumber: serialNumber(),
    ...validity(request),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(usage, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString('pem'), privateKey: await exportKey(keys.privateKey) };
}

/** A certificate for a client or a server, signed by `authority`. */
export async function issueCertificate(
  authority: Credentials,
  request: CertificateRequest,
): Promise<Credentials> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const keys = await createKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [request.commonName] }, ...(request.organizations ?? []).map((name) => ({ O: [name] }))],
    issuer: issuer.subjectName,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.privateKey),
    signingAlgorithm: ALGORITHM,
    serialNumber: serialNumber(),
    ...validity(request),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(request.usages.map((usage) => USAGES[usage])),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...alternativeNames(request.hosts ?? []),
    ],
  });
  return { certificate: certificate.toString('pem'), privateKey: await exportKey(keys.privateKey) };
}

/** A key pair alone, such as the one that signs ServiceAccount tokens. */
export async function createSigningKey(): Promise<{
  readonly privateKey: string;
  readonly publicKey: string;
}> {
  const keys = await createKeys();
  const spki = await crypto.subtle.exportKey('spki', keys.publicKey);
  return {
    privateKey: await exportKey(keys.privateKey),
    publicKey: x509.PemConverter.encode(spki, 'PUBLIC KEY'),
  };
}

/** When the certificate ends, in milliseconds since the Unix epoch. Throws where the text is no certificate. */
export function certificateExpiry(certificate: string): number {
  return new x509.X509Certificate(certificate).notAfter.getTime();
}

function createKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = x509.PemConverter.decodeFirst(pem);
  return crypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

/** 16 random bytes with a leading 0x01–0x7f, so that the number is positive and never shortened. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return bytes.toString('hex');
}

function validity(request: { readonly now: number; readonly validDays: number }): {
  notBefore: Date;
  notAfter: Date;
} {
  return {
    notBefore: new Date(request.now - HOUR_MS),
    notAfter: new Date(request.now + request.validDays * DAY_MS),
  };
}

function alternativeNames(hosts: readonly string[]): x509.Extension[] {
  if (hosts.length === 0) return [];
  const names = hosts.map((host) => ({
    type: isAddress(host) ? ('ip' as const) : ('dns' as const),
    value: host,
  }));
  return [new x509.SubjectAlternativeNameExtension(names)];
}

function isAddress(host: string): boolean {
  return host.includes(':') || /^\d+(\.\d+){3}$/.test(host);
}
