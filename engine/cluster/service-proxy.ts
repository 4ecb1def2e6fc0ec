/**
 * The way to a Service or Pod of the cluster for an engine that runs outside of it, where the cluster's DNS names mean
 * nothing: through the API server's proxy. Pure.
 */
import type { HttpRequest } from './api.ts';

/** `web.shop.svc`, `db-0.db.shop.svc.cluster.local`. */
const SERVICE_HOST = /^(?:([a-z0-9-]+)\.)?([a-z0-9-]+)\.([a-z0-9-]+)\.svc(?:\.cluster\.local)?\.?$/;

/**
 * The proxy's path for an address inside the cluster; undefined for any other. TLS to it is not verified by the API
 * server, and it keeps the header Authorization for itself.
 */
export function proxyPath(url: URL): string | undefined {
  const [, pod, service, namespace] = SERVICE_HOST.exec(url.hostname) ?? [];
  if (service === undefined || namespace === undefined) return undefined;
  const secure = url.protocol === 'https:';
  const port = url.port === '' ? (secure ? '443' : '80') : url.port;
  const target = `${secure ? 'https:' : ''}${pod ?? service}:${port}`;
  const kind = pod === undefined ? 'services' : 'pods';
  return `/api/v1/namespaces/${namespace}/${kind}/${target}/proxy${url.pathname}${url.search}`;
}

/** What the API server takes for itself: who asks, and as whom. A playbook must not say either. */
const OF_THE_API_SERVER = /^(?:authorization|impersonate-.*)$/i;

/** Why the request can't go through the proxy; undefined: it can. */
export function proxyRefusal({ headers }: HttpRequest): string | undefined {
  const name = Object.keys(headers).find((header) => OF_THE_API_SERVER.test(header));
  if (name === undefined) return undefined;
  return `the engine runs outside the cluster, and the header ${name} does not pass the API server’s proxy`;
}
