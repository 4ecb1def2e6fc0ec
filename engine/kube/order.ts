/**
 * In which order kinds are installed where nothing else says so: Helm's InstallOrder, what others need before what needs
 * it. Kinds that it does not know (custom resources) come last, as with Helm: their controllers and webhooks may be
 * among the workloads before them. Teardown goes the other way round.
 */
import { type GroupVersionKind, groupKind } from './object.ts';

const INSTALL_ORDER: readonly string[] = [
  'PriorityClass.scheduling.k8s.io',
  'Namespace',
  'NetworkPolicy.networking.k8s.io',
  'ResourceQuota',
  'LimitRange',
  'PodDisruptionBudget.policy',
  'ServiceAccount',
  'Secret',
  'ConfigMap',
  'StorageClass.storage.k8s.io',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'CustomResourceDefinition.apiextensions.k8s.io',
  'ClusterRole.rbac.authorization.k8s.io',
  'ClusterRoleBinding.rbac.authorization.k8s.io',
  'Role.rbac.authorization.k8s.io',
  'RoleBinding.rbac.authorization.k8s.io',
  'Service',
  'EndpointSlice.discovery.k8s.io',
  'DaemonSet.apps',
  'Pod',
  'ReplicationController',
  'ReplicaSet.apps',
  'Deployment.apps',
  'HorizontalPodAutoscaler.autoscaling',
  'StatefulSet.apps',
  'Job.batch',
  'CronJob.batch',
  'IngressClass.networking.k8s.io',
  'Ingress.networking.k8s.io',
  'APIService.apiregistration.k8s.io',
  'MutatingWebhookConfiguration.admissionregistration.k8s.io',
  'ValidatingWebhookConfiguration.admissionregistration.k8s.io',
];

const RANKS: ReadonlyMap<string, number> = new Map(INSTALL_ORDER.map((kind, rank) => [kind, rank]));

/** Lower is installed first; unknown kinds share the highest rank. */
export function kindRank(gvk: Pick<GroupVersionKind, 'group' | 'kind'>): number {
  return RANKS.get(groupKind(gvk)) ?? INSTALL_ORDER.length;
}
