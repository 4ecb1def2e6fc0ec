/** The few objects that the tests of the node itself use. */
import { DATABASE_USERS } from '../../engine/embedded/image-databases.ts';

/** A PostgreSQL server that anyone may enter, with its data on the claim `data`; by the name `pg` also a Service. */
export function postgres(): object[] {
  const user = DATABASE_USERS.postgres;
  const start = [
    'test -s "$PGDATA/PG_VERSION" || initdb --auth=trust',
    'grep -q 0.0.0.0 "$PGDATA/pg_hba.conf" || echo "host all all 0.0.0.0/0 trust" >> "$PGDATA/pg_hba.conf"',
    'chmod 700 "$PGDATA"', // Each mount with fsGroup opens it to the group, and PostgreSQL then refuses it.
    "exec postgres -c 'listen_addresses=*'",
  ].join('\n');
  const container = {
    name: 'postgres',
    image: 'databases:1',
    command: ['sh', '-ec', start],
    env: [{ name: 'PGDATA', value: '/data/pg' }],
    ports: [{ name: 'sql', containerPort: 5432 }],
    readinessProbe: { exec: { command: ['pg_isready'] }, periodSeconds: 1 },
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
  };
  const spec = {
    securityContext: { runAsUser: user, runAsGroup: user, fsGroup: user },
    terminationGracePeriodSeconds: 10,
    containers: [container],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
  };
  return [
    claim('data', '1Gi'),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'pg' },
      spec: { selector: { app: 'pg' }, ports: [{ port: 5432 }] },
    },
    { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pg', labels: { app: 'pg' } }, spec },
  ];
}

export function claim(name: string, storage: string, storageClassName?: string): object {
  const wanted = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } };
  const spec = storageClassName === undefined ? wanted : { ...wanted, storageClassName };
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name }, spec };
}

/** A pod that waits, for commands to be run in it; `claimName` is mounted at /data. */
export function shell(
  name: string,
  options: { readonly image?: string; readonly claimName?: string } = {},
): object {
  const { image = 'databases:1', claimName } = options;
  const volumes = claimName === undefined ? [] : [{ name: 'data', persistentVolumeClaim: { claimName } }];
  const volumeMounts = volumes.map((volume) => ({ name: volume.name, mountPath: '/data' }));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'shell', image, command: ['sleep', '100000'], volumeMounts }],
      volumes,
    },
  };
}
