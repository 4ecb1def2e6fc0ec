/**
 * Where the cluster is and who we are: the only module that knows @kubernetes/client-node. It yields the server's
 * address and, on demand, TLS material and headers as they are valid now: exec plugins, OIDC and the token file of a
 * pod are asked again when they expire, and everything is read anew after a 401.
 */
import { readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { dirname } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { EngineError, errorMessage } from '../base/errors.ts';

/** TLS material in PEM; as node:tls takes it. */
export interface TlsIdentity {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Name to verify the server's certificate against, where it is not the host's. */
  readonly servername?: string;
  /** False only where the kubeconfig says insecure-skip-tls-verify. */
  readonly rejectUnauthorized?: boolean;
}

export interface Credentials {
  readonly tls: TlsIdentity;
  /** Authorization, and Impersonate-User where the kubeconfig has one. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface LoadedKubeConfig {
  /** `https://host:port`, with a path where the kubeconfig has one; no slash at the end. */
  readonly server: string;
  readonly contextName: string;
  /** The context's namespace; in a pod, the pod's own. */
  readonly namespace: string | undefined;
  /** Proxy that requests go through. */
  readonly proxyUrl: string | undefined;
  /** As valid now; tokens are cached until they expire. */
  credentials(): Promise<Credentials>;
  /** Reads everything anew: after the server said 401. */
  reload(): Promise<Credentials>;
}

export interface KubeConfigOptions {
  /** A kubeconfig file; default: KUBECONFIG (a list is merged), then ~/.kube/config. */
  readonly path?: string;
  /** Default: the file's current-context. Whether that may be taken is the caller's decision. */
  readonly context?: string;
  /** The pod's own ServiceAccount; `path` and `context` are ignored. */
  readonly inCluster?: boolean;
}

/** Throws an EngineError `KubeConfigInvalid`. */
export function loadKubeConfig(options: KubeConfigOptions = {}): LoadedKubeConfig {
  let config = read(options);
  const { server, contextName, namespace, proxyUrl } = describe(config);
  return {
    server,
    contextName,
    namespace,
    proxyUrl,
    credentials: () => credentialsOf(config),
    reload() {
      config = read(options);
      return credentialsOf(config);
    },
  };
}

export interface KubeConfigContexts {
  readonly names: readonly string[];
  readonly current: string | undefined;
}

/** The contexts that a kubeconfig offers, so that a person can name one. Throws `KubeConfigInvalid`. */
export function kubeConfigContexts(path?: string): KubeConfigContexts {
  const config = readFiles(path);
  const current = config.getCurrentContext();
  return { names: config.getContexts().map((context) => context.name), current: current || undefined };
}

function read(options: KubeConfigOptions): KubeConfig {
  if (options.inCluster === true) return readInCluster();
  const config = readFiles(options.path);
  if (options.context !== undefined) config.setCurrentContext(options.context);
  if (config.getContextObject(config.getCurrentContext()) === null) {
    const names = config.getContexts().map((context) => context.name);
    throw new EngineError(
      'KubeConfigInvalid',
      `the kubeconfig has no context ${config.getCurrentContext() || '(none is current)'}`,
      {
        hint: names.length === 0 ? 'the file defines no context' : `it has: ${names.join(', ')}`,
      },
    );
  }
  return prepare(config);
}

function readFiles(path: string | undefined): KubeConfig {
  const config = new KubeConfig();
  try {
    if (path === undefined) config.loadFromDefault();
    else config.loadFromString(readFileSync(path, 'utf8'));
    if (path !== undefined) config.makePathsAbsolute(dirname(path));
  } catch (cause) {
    throw new EngineError(
      'KubeConfigInvalid',
      `cannot read the kubeconfig${path === undefined ? '' : ` ${path}`}: ${errorMessage(cause)}`,
      {
        hint: 'name a readable kubeconfig file',
        cause,
      },
    );
  }
  return config;
}

function readInCluster(): KubeConfig {
  const config = new KubeConfig();
  config.loadFromCluster();
  const server = config.getCurrentCluster()?.server ?? '';
  if (server.includes('undefined')) {
    throw new EngineError(
      'KubeConfigInvalid',
      'this process does not run in a pod: KUBERNETES_SERVICE_HOST is not set',
      {
        hint: 'name a kubeconfig and a context instead',
      },
    );
  }
  return config;
}

/**
 * Two corrections of client-node: it gives exec plugins no KUBERNETES_EXEC_INFO, which the exec credential protocol
 * (v1) demands, and it refuses plain http (which `describe` allows on loopback) unless TLS is not verified.
 */
function prepare(config: KubeConfig): KubeConfig {
  config.clusters = config.clusters.map((cluster) =>
    cluster.server?.startsWith('http:') ? { ...cluster, skipTLSVerify: true } : cluster,
  );
  const exec: unknown = config.getCurrentUser()?.exec;
  if (typeof exec !== 'object' || exec === null) return config;
  const apiVersion = Reflect.get(exec, 'apiVersion') ?? 'client.authentication.k8s.io/v1';
  const info = JSON.stringify({ apiVersion, kind: 'ExecCredential', spec: { interactive: false } });
  const given: unknown = Reflect.get(exec, 'env');
  const env: unknown[] = Array.isArray(given) ? given : [];
  Reflect.set(exec, 'env', [{ name: 'KUBERNETES_EXEC_INFO', value: info }, ...env]);
  return config;
}

function describe(
  config: KubeConfig,
): Pick<LoadedKubeConfig, 'server' | 'contextName' | 'namespace' | 'proxyUrl'> {
  const cluster = config.getCurrentCluster();
  const server = cluster?.server?.replace(/\/+$/, '') ?? '';
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url === undefined) {
    throw new EngineError(
      'KubeConfigInvalid',
      server === ''
        ? `context ${config.getCurrentContext()} leads to no cluster with a server's address`
        : `context ${config.getCurrentContext()}: ${server} is not a server's address`,
      {
        hint: 'cluster.server must be a URL such as https://host:6443',
      },
    );
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new EngineError('KubeConfigInvalid', `${server} would send credentials without encryption`, {
      hint: 'plain http is taken on loopback addresses alone; use https',
    });
  }
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace;
  return {
    server,
    contextName: config.getCurrentContext(),
    namespace: namespace || undefined,
    proxyUrl: cluster?.proxyUrl,
  };
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

async function credentialsOf(config: KubeConfig): Promise<Credentials> {
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (cause) {
    throw new EngineError(
      'KubeConfigInvalid',
      `cannot get credentials for context ${config.getCurrentContext()}: ${errorMessage(cause)}`,
      {
        hint: 'run the login command of your cluster, or check the files and the exec plugin that the kubeconfig names',
        cause,
      },
    );
  }
  return { tls: tlsOf(options), headers: headersOf(options) };
}

function tlsOf(options: RequestOptions): TlsIdentity {
  const ca = pem(options.ca);
  const cert = pem(options.cert);
  const key = pem(options.key);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(options.servername === undefined ? {} : { servername: options.servername }),
    ...(options.rejectUnauthorized === undefined ? {} : { rejectUnauthorized: options.rejectUnauthorized }),
  };
}

function pem(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return Buffer.isBuffer(value) ? value.toString('utf8') : undefined;
}

function headersOf(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (typeof value === 'string') headers[name.toLowerCase()] = value.trim();
  }
  if (typeof options.auth === 'string') {
    headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  return headers;
}
