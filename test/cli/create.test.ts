import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { libretto } from './libretto.ts';

async function temporary(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'libretto-create-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const FLAGS = ['create', 'api', '--group=app', '--version=v1'];

const SHOP = `apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: shop
  namespace: prod
  uid: 9f1a
  annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}"}
spec:
  replicas: 2
  serviceName: shop-pods
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
      - name: web
        image: docker.io/library/nginx:1.29
        args: ["--greeting={{hello}}"]
        ports: [{name: http, containerPort: 80}]
        envFrom: [{configMapRef: {name: shop-config}}]
        env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: shop-secret, key: password}}}]
        resources: {limits: {memory: 64Mi}}
        volumeMounts: [{name: data, mountPath: /data}]
      - {name: log-shipper, image: "busybox:1"}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], storageClassName: fast, resources: {requests: {storage: 1Gi}}}
status: {replicas: 2}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {clusterIP: 10.0.0.7, selector: {app: shop}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: shop-pods}
spec: {clusterIP: None, selector: {app: shop}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: shop-config}
data: {GREETING: hello}
---
apiVersion: v1
kind: Secret
metadata: {name: shop-secret}
data: {password: c2VjcmV0}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  rules:
  - host: shop.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]}
`;

const WEB = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: prod}
spec:
  replicas: 2
  selector: {matchLabels: {tier: front}}
  template:
    metadata: {labels: {tier: front}}
    spec:
      serviceAccountName: web
      containers:
      - {name: web, image: "a:1", args: [web, web], ports: [{containerPort: 80, name: web}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {tier: front}, ports: [{name: web, port: 80, targetPort: web}]}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: web-config}, data: {A: "1"}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: web-extra}, data: {B: "2"}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: web}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: web}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: web, namespace: prod}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: web}
spec:
  schedule: "@daily"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: "b:1"}]}}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web-one}, spec: {containers: [{name: c, image: "c:1"}]}}
`;

const TASK = `apiVersion: v1
kind: ConfigMap
metadata: {name: task-scripts}
data:
  run.sh: |
    #!/bin/sh
    exec sleep 0755
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: task}
spec:
  selector: {matchLabels: {app: task}}
  template:
    metadata: {labels: {app: task}}
    spec:
      containers: [{name: run, image: "busybox:1", command: [/scripts/run.sh]}]
      volumes:
      - name: scripts
        configMap: {name: task-scripts, defaultMode: 0755, items: [{key: run.sh, path: run.sh, mode: 0400}]}
`;

const LIVE = `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata:
    name: my-store
    namespace: prod
    finalizers: [service.kubernetes.io/load-balancer-cleanup]
    annotations: {meta.helm.sh/release-name: my-store}
    labels: {app.kubernetes.io/instance: my-store, app.kubernetes.io/managed-by: Helm, helm.sh/chart: store-1.0}
  spec:
    clusterIP: 10.0.0.7
    ipFamilies: [IPv4]
    type: LoadBalancer
    selector: {app.kubernetes.io/instance: my-store}
    ports: [{port: 80, nodePort: 30080}]
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: my-store, namespace: prod, labels: {helm.sh/chart: store-1.0}}
  spec:
    selector: {matchLabels: {app.kubernetes.io/instance: my-store}}
    template:
      metadata: {creationTimestamp: null, labels: {app.kubernetes.io/instance: my-store, helm.sh/chart: store-1.0}}
      spec:
        initContainers:
        - {name: migrate, image: "acme/store:1"}
        - {name: wait, image: "busybox:1"}
        containers:
        - name: web
          image: acme/store:1
          env:
          - {name: SELF, value: "http://my-store.prod.svc:80/x"}
          - {name: PEERS, value: "my-store:80,other:80"}
          - {name: NEXT, value: "my-store:1.2"}
        volumes: [{name: tls, secret: {secretName: my-store-tls}}]
- apiVersion: v1
  kind: Pod
  metadata: {name: my-store-7f, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: my-store-7, controller: true, uid: u}]}
  spec: {containers: [{name: web, image: "acme/store:1"}]}
- apiVersion: batch/v1
  kind: Job
  metadata: {name: my-store-migrate, annotations: {helm.sh/hook: pre-upgrade}}
  spec: {template: {spec: {restartPolicy: Never, containers: [{name: m, image: "acme/store:1"}]}}}
- {apiVersion: v1, kind: Secret, type: kubernetes.io/tls, metadata: {name: my-store-tls}, data: {tls.crt: YQ==, tls.key: YQ==}}
`;

describe('libretto create api', () => {
  it('makes an operator that lints and tests as it is', async () => {
    const folder = join(await temporary(), 'myapp');
    const made = await libretto(...FLAGS, '--kind=MyApp', '--output', folder);
    expect(made).toMatchObject({ code: 0, err: '' });
    expect(made.out).toContain(`libretto lint ${folder}`);
    expect(await libretto('lint', folder)).toEqual({ code: 0, out: '', err: '' });
    expect(await libretto('test', folder)).toMatchObject({
      code: 0,
      out: expect.stringContaining('1 passed, 0 failed'),
    });
    expect(await libretto('package', folder)).toMatchObject({ code: 0, err: '' });
    expect((await readdir(join(folder, '.schemas'))).sort()).toEqual([
      'case.schema.json',
      'watches.schema.json',
    ]);
  });

  it('makes templates of existing manifests', async () => {
    const root = await temporary();
    const [file, folder] = [join(root, 'shop.yaml'), join(root, 'shop')];
    await writeFile(file, SHOP);
    expect(await libretto(...FLAGS, '--kind=Shop', '--from', file, '--output', folder)).toMatchObject({
      code: 0,
    });
    expect(await libretto('lint', folder)).toEqual({ code: 0, out: '', err: '' });
    expect(await libretto('test', folder)).toMatchObject({ code: 0, err: '' });
    const read = (name: string) => readFile(join(folder, name), 'utf8');
    const workload = await read('statefulset.yaml.hbs');
    for (const line of [
      '  replicas: {{spec.replicas}}',
      '  serviceName: {{metadata.name}}-pods',
      '          image: {{spec.image}}',
      '          image: {{spec.logShipperImage}}',
      '                name: {{metadata.name}}-config',
      '                  name: {{metadata.name}}-secret',
      '            storage: {{spec.storage}}',
      '        storageClassName: {{spec.storageClassName}}',
      '          resources: {{spec.resources}}',
    ])
      expect(workload.split('\n')).toContain(line);
    expect(workload).not.toMatch(/prod|9f1a|last-applied|status/);
    expect(await read('configmap.yaml.hbs')).toContain('data: {{spec.config}}');
    expect(await read('ingress.yaml.hbs')).toContain('host: {{spec.host}}');
    expect(await read('service.yaml.hbs')).not.toContain('10.0.0.7');
    expect(await read('secret.yaml.hbs')).toContain('password: {{randomString 24}}');
    const all = await Promise.all(
      (await readdir(folder))
        .filter((name) => name.includes('.'))
        .filter((name) => name !== '.schemas')
        .map(read),
    );
    expect(all.join('')).not.toContain('c2VjcmV0');
  });

  it('lets several manifests of a kind, and several resources, not get in each other’s way', async () => {
    const root = await temporary();
    const [file, folder] = [join(root, 'web.yaml'), join(root, 'web')];
    await writeFile(file, WEB);
    const made = await libretto(...FLAGS, '--kind=Web', '--plural=webz', '--from', file, '--output', folder);
    expect(made).toMatchObject({ code: 0, err: '' });
    expect(await libretto('lint', folder)).toEqual({ code: 0, out: '', err: '' });
    expect(await libretto('test', folder)).toMatchObject({ code: 0, err: '' });
    const read = (name: string) => readFile(join(folder, name), 'utf8');
    const watches = await read('watches.yaml');
    expect(watches).toMatch(/plural: webz[\s\S]*A: "1"[\s\S]*B: "2"/);
    expect(watches).toMatch(/file: deployment.yaml.hbs\n +ignoreFields:\n +- spec.replicas/);
    expect(await read('config-configmap.yaml.hbs')).toContain('data: {{spec.config}}');
    expect(await read('extra-configmap.yaml.hbs')).toContain('data: {{spec.extraConfig}}');
    const pods = await read('deployment.yaml.hbs');
    for (const line of [
      '- name: web',
      '- containerPort: 80',
      'args:\n            - web\n            - {{metadata.name}}\n',
      'serviceAccountName: {{metadata.name}}',
      'app.kubernetes.io/instance: {{metadata.name}}',
      'replicas: 2',
    ])
      expect(pods).toContain(line);
    expect(await read('service.yaml.hbs')).toMatch(
      /app.kubernetes.io\/instance: {{metadata.name}}[\s\S]*name: web[\s\S]*targetPort: web/,
    );
    expect(await read('clusterrolebinding.yaml.hbs')).toMatch(
      /name: {{metadata.namespace}}-{{metadata.name}}\n[\s\S]*namespace: {{metadata.namespace}}/,
    );
    expect(await read('cronjob.yaml.hbs')).toMatch(/schedule: {{spec.\w+}}[\s\S]*image: {{spec.\w+}}/);
    expect(await read('pod.yaml.hbs')).toMatch(/image: {{spec.\w+}}/);
  });

  it('takes modes as kubectl does, and leaves scripts where they are', async () => {
    const root = await temporary();
    const [file, folder] = [join(root, 'job.yaml'), join(root, 'task')];
    await writeFile(file, TASK);
    const made = await libretto(...FLAGS, '--kind=Task', '--from', file, '--output', folder);
    expect(made).toMatchObject({ code: 0, err: '' });
    expect(await libretto('lint', folder)).toEqual({ code: 0, out: '', err: '' });
    const pods = await readFile(join(folder, 'deployment.yaml.hbs'), 'utf8');
    expect(pods).toContain('defaultMode: 0o755\n');
    expect(pods).toContain('mode: 0o400\n');
    const script = await readFile(join(folder, 'configmap.yaml.hbs'), 'utf8');
    expect(script).toContain('  run.sh: |\n    #!/bin/sh\n    exec sleep 0755\n');
    expect(await readFile(join(folder, 'watches.yaml'), 'utf8')).not.toContain('#!');
  });

  it('takes what runs in a cluster, or what Helm rendered, without what belongs to that installation alone', async () => {
    const root = await temporary();
    const [file, folder] = [join(root, 'live.yaml'), join(root, 'store')];
    await writeFile(file, LIVE);
    const made = await libretto(...FLAGS, '--kind=Store', '--from', file, '--output', folder);
    expect(made).toMatchObject({ code: 0, err: '' });
    expect(await libretto('lint', folder)).toEqual({ code: 0, out: '', err: '' });
    expect(await libretto('test', folder)).toMatchObject({ code: 0, err: '' });
    expect(made.out).toContain(
      [
        'Left out:',
        '  Pod my-store-7f: ReplicaSet my-store-7 makes it',
        '  Job my-store-migrate: Helm runs it once (pre-upgrade); an action does that here',
        "  Secret my-store-tls: content of the type kubernetes.io/tls can't be made anew; it has to be there under this name",
        '',
      ].join('\n'),
    );
    const read = (name: string) => readFile(join(folder, name), 'utf8');
    expect(await read('service.yaml.hbs')).toBe(`apiVersion: v1
kind: Service
metadata:
  name: {{metadata.name}}
  labels:
    app.kubernetes.io/instance: {{metadata.name}}
spec:
  type: LoadBalancer
  selector:
    app.kubernetes.io/instance: {{metadata.name}}
  ports:
    - port: 80
`);
    const pods = await read('deployment.yaml.hbs');
    expect(pods).not.toMatch(/helm|Helm|creationTimestamp|finalizers|rollme/);
    expect(pods.match(/image: {{spec.image}}/g)).toHaveLength(2);
    for (const line of [
      'value: http://{{metadata.name}}.{{metadata.namespace}}.svc:80/x',
      'value: {{metadata.name}}:80,other:80',
      'value: my-store:1.2',
      'secretName: my-store-tls',
      'image: busybox:1',
    ])
      expect(pods).toContain(line);
  });

  it('says which document is no manifest, and that a chart is to be rendered first', async () => {
    const root = await temporary();
    const file = join(root, 'given.yaml');
    const tried = async (text: string): Promise<string> => {
      await writeFile(file, text);
      const { code, err } = await libretto(...FLAGS, '--kind=X', '--from', file, '--output', join(root, 'x'));
      expect(code).toBe(2);
      return err;
    };
    const named = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';
    const unnamed = 'apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: b-}\n';
    expect(await tried(`${named}---\n${unnamed}`)).toContain('document 2 (Job) is no manifest');
    expect(await tried('metadata: {name: {{ .Release.Name }}-web}\n')).toContain('helm template');
    const secret = 'apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: {name: a}\n';
    expect(await tried(secret)).toContain('none of the manifests can become a template');
    expect(await readdir(root)).toEqual(['given.yaml']);
  });

  it('asks nothing with --plain, and says what is wrong with every flag at once', async () => {
    const folder = join(await temporary(), 'x');
    const wrong = await libretto(
      'create',
      'api',
      '--group=App',
      '--version=1',
      '--kind=myApp',
      '--output',
      folder,
    );
    expect(wrong.code).toBe(2);
    expect(wrong.err).toMatch(/no API group[\s\S]*no API version[\s\S]*no kind/);
    expect(await libretto('create', 'api', '--plain')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--group is missing'),
    });
    expect(await libretto('create', 'operator', '--group=a')).toMatchObject({ code: 2 });
  });

  it('leaves nothing half written', async () => {
    const root = await temporary();
    const folder = join(root, 'myapp');
    await libretto(...FLAGS, '--kind=MyApp', '--output', folder);
    const again = await libretto(...FLAGS, '--kind=MyApp', '--output', folder);
    expect(again).toMatchObject({ code: 2, err: expect.stringContaining('exists already') });
    const missing = await libretto(
      ...FLAGS,
      '--kind=Two',
      '--from',
      join(root, 'nope.yaml'),
      '--output',
      join(root, 'two'),
    );
    expect(missing).toMatchObject({ code: 2, err: expect.stringContaining('nope.yaml') });
    await writeFile(join(root, 'empty.yaml'), '# nothing\n');
    for (const [flag, said] of [
      [`--from=${join(root, 'empty.yaml')}`, 'holds no manifest'],
      ['--group=k8s.io', "Kubernetes' own"],
      [`--kind=${'A'.repeat(63)}`, 'is no plural'],
      [`--output=${join(root, 'empty.yaml', 'x')}`, "can't be made"],
    ] as const)
      expect(await libretto(...FLAGS, '--kind=Two', `--output=${join(root, 'two')}`, flag)).toMatchObject({
        code: 2,
        err: expect.stringContaining(said),
      });
    await writeFile(join(root, 'broken.yaml'), 'a: [1');
    expect(
      await libretto(
        ...FLAGS,
        '--kind=Two',
        '--from',
        join(root, 'broken.yaml'),
        '--output',
        join(root, 'two'),
      ),
    ).toMatchObject({ code: 2 });
    expect((await readdir(root)).sort()).toEqual(['broken.yaml', 'empty.yaml', 'myapp']);
  });
});
