/** A kubeconfig with everything in it: JSON, which is YAML too, so that it can be copied anywhere as one file. */
import { base64Encode } from '../base/base64.ts';
import type { Credentials } from '../base/certificates.ts';

export interface KubeconfigOptions {
  /** The names of cluster, context and user. */
  readonly name: string;
  readonly server: string;
  /** The authority's certificate, PEM. */
  readonly caData: string;
  readonly credentials: Credentials;
}

export function kubeconfigText(options: KubeconfigOptions): string {
  const { name, server, caData, credentials } = options;
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server, 'certificate-authority-data': base64Encode(caData) } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'default' } }],
    users: [
      {
        name,
        user: {
          'client-certificate-data': base64Encode(credentials.certificate),
          'client-key-data': base64Encode(credentials.privateKey),
        },
      },
    ],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
