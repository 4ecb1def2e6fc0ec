/** Kinds that the engine itself reads and writes, whatever its playbooks describe. */
export const ACTION_RUN = { group: 'libretto.dev', version: 'v1alpha1', kind: 'ActionRun' } as const;
export const EVENT = { group: 'events.k8s.io', version: 'v1', kind: 'Event' } as const;
export const POD = { group: '', version: 'v1', kind: 'Pod' } as const;
