/** The keys of a control plane. The authority and the token key stay in the data folder; the rest is issued at each start. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Credentials,
  certificateExpiry,
  createAuthority,
  createSigningKey,
  issueCertificate,
} from '../base/certificates.ts';

export interface Pki {
  readonly folder: string;
  readonly authority: Credentials;
  /** A certificate for a user of the cluster: `organizations` are its groups. */
  issueClient(commonName: string, organizations: readonly string[]): Promise<Credentials>;
  /** Issues and writes NAME.crt and NAME.key, readable by the owner alone. */
  store(name: string, credentials: Credentials): Promise<CredentialFiles>;
  readonly authorityFile: string;
  readonly authorityKeyFile: string;
  readonly tokenKeyFile: string;
  readonly tokenPublicKeyFile: string;
}

export interface CredentialFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface PkiOptions {
  readonly folder: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

const AUTHORITY_DAYS = 3650;
const CLIENT_DAYS = 365;
const RENEW_BEFORE_MS = 400 * 24 * 3_600_000;
const PRIVATE = { mode: 0o600 };

/** Opens the keys in `folder`, and makes those that are missing or near their end. */
export async function openPki({ folder, now }: PkiOptions): Promise<Pki> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = (name: string): string => join(folder, name);
  const authority = (await storedAuthority(file, now)) ?? (await newAuthority(file, now));
  if (!existsSync(file('tokens.key')) || !existsSync(file('tokens.pub'))) await newTokenKey(file);
  return {
    folder,
    authority,
    authorityFile: file('authority.crt'),
    authorityKeyFile: file('authority.key'),
    tokenKeyFile: file('tokens.key'),
    tokenPublicKeyFile: file('tokens.pub'),
    issueClient: (commonName, organizations) =>
      issueCertificate(authority, {
        commonName,
        organizations,
        usages: ['client'],
        now,
        validDays: CLIENT_DAYS,
      }),
    store: (name, credentials) => storeCredentials(file, name, credentials),
  };
}

/** A certificate for servers of the control plane; also good as a client's, since etcd's members are both. */
export function issueServer(
  pki: Pki,
  request: { commonName: string; hosts: string[]; now: number },
): Promise<Credentials> {
  return issueCertificate(pki.authority, {
    ...request,
    usages: ['server', 'client'],
    validDays: CLIENT_DAYS,
  });
}

async function storedAuthority(
  file: (name: string) => string,
  now: number,
): Promise<Credentials | undefined> {
  if (!existsSync(file('authority.crt')) || !existsSync(file('authority.key'))) return undefined;
  const certificate = await readFile(file('authority.crt'), 'utf8');
  if (certificateExpiry(certificate) < now + RENEW_BEFORE_MS) return undefined;
  return { certificate, privateKey: await readFile(file('authority.key'), 'utf8') };
}

async function newAuthority(file: (name: string) => string, now: number): Promise<Credentials> {
  const authority = await createAuthority({
    commonName: 'libretto-embedded',
    now,
    validDays: AUTHORITY_DAYS,
  });
  await storeCredentials(file, 'authority', authority);
  return authority;
}

async function newTokenKey(file: (name: string) => string): Promise<void> {
  const pair = await createSigningKey();
  await writeFile(file('tokens.key'), pair.privateKey, PRIVATE);
  await writeFile(file('tokens.pub'), pair.publicKey, PRIVATE);
}

async function storeCredentials(
  file: (name: string) => string,
  name: string,
  credentials: Credentials,
): Promise<CredentialFiles> {
  const files = { certificateFile: file(`${name}.crt`), keyFile: file(`${name}.key`) };
  await writeFile(files.certificateFile, credentials.certificate, PRIVATE);
  await writeFile(files.keyFile, credentials.privateKey, PRIVATE);
  return files;
}
