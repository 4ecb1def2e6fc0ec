import { expect, test } from 'vitest';
import { proxyPath, proxyRefusal } from '../../engine/cluster/service-proxy.ts';

test.each([
  ['http://web.shop.svc/a?b=c', '/api/v1/namespaces/shop/services/web:80/proxy/a?b=c'],
  ['https://web.shop.svc', '/api/v1/namespaces/shop/services/https:web:443/proxy/'],
  ['http://web.shop.svc.cluster.local:8080/', '/api/v1/namespaces/shop/services/web:8080/proxy/'],
  ['http://db-0.db.shop.svc:9090/x', '/api/v1/namespaces/shop/pods/db-0:9090/proxy/x'],
])('%s goes through the API server', (url, path) => {
  expect(proxyPath(new URL(url))).toBe(path);
});

test.each(['http://example.com/', 'http://web.shop/', 'http://svc/', 'http://127.0.0.1:80/'])(
  '%s is no address inside the cluster',
  (url) => {
    expect(proxyPath(new URL(url))).toBeUndefined();
  },
);

test('a header that the API server keeps for itself is no way to log in', () => {
  const request = { method: 'GET', url: 'http://web.shop.svc', timeoutMs: 1 };
  expect(proxyRefusal({ ...request, headers: { 'X-Key': 'a' } })).toBeUndefined();
  for (const name of ['authorization', 'Impersonate-User', 'impersonate-extra-scopes'])
    expect(proxyRefusal({ ...request, headers: { [name]: 'a' } })).toContain(name);
});
