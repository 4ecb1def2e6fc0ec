import { describe, it } from 'vitest';
import { gvk, manifest, stage } from './reconcile-kit.ts';

const LABELS = '{app: "{{metadata.name}}"}';

/** Manifests whose shapes the API server records in special ways. */
const KINDS: Readonly<Record<string, string>> = {
  'account.yaml.hbs': manifest(
    gvk('v1', 'ServiceAccount'),
    '{{metadata.name}}',
    'automountServiceAccountToken: false\n',
  ),
  'config.yaml.hbs': manifest(
    gvk('v1', 'ConfigMap'),
    'config',
    'data:\n  text: "{{spec.text}}"\n  empty: ""\n',
  ),
  'nothing.yaml.hbs': manifest(gvk('v1', 'ConfigMap'), 'nothing', 'data: {}\n'),
  'secret.yaml.hbs': manifest(
    gvk('v1', 'Secret'),
    'secret',
    'stringData:\n  password: "{{spec.text}}"\ndata:\n  other: eA==\n',
  ),
  'service.yaml.hbs': manifest(
    gvk('v1', 'Service'),
    '{{metadata.name}}',
    `spec:\n  selector: ${LABELS}\n  publishNotReadyAddresses: false\n  ports:\n  - {port: 80, name: web, targetPort: web}\n  - {port: 53, name: dns, protocol: UDP}\n`,
  ),
  'headless.yaml.hbs': manifest(
    gvk('v1', 'Service'),
    'headless',
    `spec:\n  clusterIP: None\n  selector: ${LABELS}\n  ports:\n  - port: 80\n`,
  ),
  'deployment.yaml.hbs': manifest(
    gvk('apps/v1', 'Deployment'),
    '{{metadata.name}}',
    `spec:
  replicas: {{spec.size}}
  paused: false
  selector: {matchLabels: ${LABELS}}
  template:
    metadata: {labels: ${LABELS}}
    spec:
      hostNetwork: false
      nodeSelector: {}
      tolerations: []
      securityContext: {}
      containers:
      - name: main
        image: example.com/box:1
        args: [run, "{{spec.text}}"]
        env:
        - {name: TEXT, value: "{{spec.text}}"}
        - {name: EMPTY, value: ""}
        - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
        ports:
        - {containerPort: 80, name: web}
        - {containerPort: 53, protocol: UDP}
        resources: {requests: {cpu: "0.5", memory: 1024Mi}, limits: {cpu: 1000m}}
        volumeMounts:
        - {name: tmp, mountPath: /tmp}
      volumes:
      - {name: tmp, emptyDir: {}}
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: ${LABELS}}}
`,
  ),
  'statefulset.yaml.hbs': manifest(
    gvk('apps/v1', 'StatefulSet'),
    'db',
    `spec:
  replicas: 0
  serviceName: headless
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
      - {name: main, image: "example.com/box:1"}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`,
  ),
  'policy.yaml.hbs': manifest(
    gvk('networking.k8s.io/v1', 'NetworkPolicy'),
    'policy',
    'spec:\n  podSelector: {}\n  policyTypes: [Ingress]\n  ingress:\n  - from:\n    - podSelector: {}\n    ports:\n    - {port: 80}\n',
  ),
  'budget.yaml.hbs': manifest(
    gvk('policy/v1', 'PodDisruptionBudget'),
    'budget',
    `spec:\n  maxUnavailable: 1\n  selector: {matchLabels: ${LABELS}}\n`,
  ),
  'autoscaler.yaml.hbs': manifest(
    gvk('autoscaling/v2', 'HorizontalPodAutoscaler'),
    'autoscaler',
    `spec:
  maxReplicas: 5
  scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: db}
  metrics:
  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}
`,
  ),
  'ingress.yaml.hbs': manifest(
    gvk('networking.k8s.io/v1', 'Ingress'),
    'ingress',
    `spec:
  rules:
  - host: a.example.com
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: "{{metadata.name}}", port: {number: 80}}}}
`,
  ),
  'role.yaml.hbs': manifest(
    gvk('rbac.authorization.k8s.io/v1', 'Role'),
    'role',
    'rules:\n- {apiGroups: [""], resources: [pods], verbs: [get]}\n',
  ),
  'binding.yaml.hbs': manifest(
    gvk('rbac.authorization.k8s.io/v1', 'RoleBinding'),
    'binding',
    'roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: role}\nsubjects:\n- {kind: ServiceAccount, name: "{{metadata.name}}"}\n',
  ),
  'cron.yaml.hbs': manifest(
    gvk('batch/v1', 'CronJob'),
    'cron',
    `spec:
  schedule: "0 0 1 1 *"
  suspend: false
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
          - {name: main, image: "example.com/box:1"}
`,
  ),
  'claim.yaml.hbs': manifest(
    gvk('v1', 'PersistentVolumeClaim'),
    'claim',
    'spec:\n  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 1Gi}}\n',
  ),
  'slice.yaml.hbs': manifest(
    gvk('discovery.k8s.io/v1', 'EndpointSlice'),
    'slice',
    'addressType: IPv4\nendpoints:\n- {addresses: [10.1.2.3], conditions: {ready: true}}\nports:\n- {port: 80}\n',
  ),
};

const HEALTH = '\nhealth:\n  Ready: children.deployment.status.readyReplicas = spec.size';

describe('manifests of many kinds', () => {
  it('are created, found covered, changed, and found covered again, without a write at rest', {
    timeout: 120_000,
  }, async () => {
    const here = await stage();
    await here.playbook(`manifests: [${Object.keys(KINDS).join(', ')}]${HEALTH}`, KINDS);
    await here.put({ size: 1, text: 'first' });
    await here.says('Stalled', 'False');
    await here.becomes(gvk('apps/v1', 'Deployment'), 'one', (d) => d !== undefined);
    await here.expectRest();
    await here.put({ size: 2, text: 'second' });
    await here.becomes(gvk('v1', 'ConfigMap'), 'config', (c) => JSON.stringify(c?.data).includes('second'));
    await here.becomes(gvk('apps/v1', 'Deployment'), 'one', (d) =>
      JSON.stringify(d?.spec).includes('second'),
    );
    await here.says('Stalled', 'False');
    await here.expectRest();
  });
});
