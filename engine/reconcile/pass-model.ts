/** What a pass over the manifests finds out. */
import type { Manifest } from '../playbook/model.ts';
import type { Blocker } from './blocker.ts';
import type { Step } from './decide.ts';
import type { Child } from './desired.ts';
import type { LiveByManifest } from './instances.ts';
import type { Readiness } from './readiness.ts';
import type { Scope } from './scope.ts';

export interface ManifestState {
  readonly manifest: Manifest;
  /** False where `when` says so. */
  readonly wanted: boolean;
  readonly steps: readonly Step[];
  readonly readiness: ReadonlyMap<Child, Readiness>;
  /** Why some of its children cannot be told. */
  readonly blockers: readonly Blocker[];
}

export interface Pass {
  readonly scope: Scope;
  readonly live: LiveByManifest;
  /** By manifest id. */
  readonly states: ReadonlyMap<string, ManifestState>;
}
