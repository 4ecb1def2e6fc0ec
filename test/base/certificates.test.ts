import { createPrivateKey, sign, verify, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  certificateExpiry,
  createAuthority,
  createSigningKey,
  issueCertificate,
} from '../../engine/base/certificates.ts';

const now = Date.parse('2030-01-01T00:00:00Z');
const DAY_MS = 86_400_000;
const authority = await createAuthority({ commonName: 'test authority', now, validDays: 10 });

test('an authority signs itself and may sign others', () => {
  const certificate = new X509Certificate(authority.certificate);
  expect([certificate.ca, certificate.subject, certificate.issuer]).toEqual([
    true,
    'CN=test authority',
    'CN=test authority',
  ]);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.checkPrivateKey(createPrivateKey(authority.privateKey))).toBe(true);
});

test("a client's certificate carries user and groups, and is the authority's", async () => {
  const client = await issueCertificate(authority, {
    commonName: 'jane',
    organizations: ['viewers', 'system:masters'],
    usages: ['client'],
    now,
    validDays: 1,
  });
  const certificate = new X509Certificate(client.certificate);
  const issuer = new X509Certificate(authority.certificate);
  expect(certificate.subject.split('\n')).toEqual(['CN=jane', 'O=viewers', 'O=system:masters']);
  expect([certificate.ca, certificate.checkIssued(issuer), certificate.verify(issuer.publicKey)]).toEqual([
    false,
    true,
    true,
  ]);
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
  expect(certificateExpiry(client.certificate)).toBe(now + DAY_MS);
  expect(new Date(certificate.validFrom).getTime()).toBeLessThan(now);
});

test("a server's certificate is for its names and addresses alone", async () => {
  const server = await issueCertificate(authority, {
    commonName: 'server',
    usages: ['server'],
    hosts: ['localhost', '127.0.0.1', '::1'],
    now,
    validDays: 1,
  });
  const certificate = new X509Certificate(server.certificate);
  expect([
    certificate.checkHost('localhost'),
    certificate.checkIP('127.0.0.1'),
    certificate.checkIP('::1'),
    certificate.checkHost('example.com'),
  ]).toEqual(['localhost', '127.0.0.1', '::1', undefined]);
});

test('certificates have serial numbers of their own', async () => {
  const request = { commonName: 'x', usages: ['client'] as const, now, validDays: 1 };
  const issued = await Promise.all(Array.from({ length: 20 }, () => issueCertificate(authority, request)));
  const numbers = issued.map(({ certificate }) => new X509Certificate(certificate).serialNumber);
  expect(new Set(numbers).size).toBe(20);
  expect(numbers.every((number) => /^[0-7]/.test(number) && number.length === 32)).toBe(true);
});

test('a signing key is a pair', async () => {
  const pair = await createSigningKey();
  const text = Buffer.from('token');
  expect(verify('sha256', text, pair.publicKey, sign('sha256', text, pair.privateKey))).toBe(true);
});
