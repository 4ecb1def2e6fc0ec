/** Helm against a test's own cluster, built from the Go module in ./go/helm; it touches no configuration of the user. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { ensureGoProgram } from './go-program.ts';

export type Helm = (args: string) => Promise<string>;

export interface HelmOptions {
  readonly kubeconfig: string;
  /** For its cache and configuration. */
  readonly folder: string;
}

export function helmProgram(): Promise<string> {
  return ensureGoProgram('helm', 'helm.sh/helm/v3/cmd/helm');
}

/** Takes its arguments as they are typed; rejects with what it said. */
export async function helmAt({ kubeconfig, folder }: HelmOptions): Promise<Helm> {
  const program = await helmProgram();
  const homes = ['CACHE', 'CONFIG', 'DATA'].map((kind) => [`HELM_${kind}_HOME`, join(folder, kind)] as const);
  const env = { ...Object.fromEntries(homes), KUBECONFIG: kubeconfig, HOME: folder };
  return (args) =>
    new Promise((resolve, reject) => {
      const options = { env, maxBuffer: 64 * 2 ** 20 };
      execFile(program, args.split(' '), options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`helm ${args}: ${stderr.trim() || error.message}`));
      });
    });
}
