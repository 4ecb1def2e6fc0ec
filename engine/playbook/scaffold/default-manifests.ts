/** What a new operator manages when nothing else is given: a web server and its Service. */
import type { JsonObject } from '../../kube/object.ts';

export function defaultManifests(name: string): readonly JsonObject[] {
  const labels = { 'app.kubernetes.io/name': name };
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            containers: [
              {
                name: 'app',
                image: 'docker.io/library/nginx:1.29',
                ports: [{ name: 'http', containerPort: 80 }],
                readinessProbe: { httpGet: { path: '/', port: 'http' } },
                resources: { requests: { cpu: '10m', memory: '32Mi' } },
              },
            ],
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, labels },
      spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    },
  ];
}
