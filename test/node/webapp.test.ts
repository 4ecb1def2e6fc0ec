/**
 * The life of WebApps that serve real requests over real data: each test goes on where the one before it ended. The
 * application is a web server that starts only on a schema (in Redis) that is new enough for it.
 */
import { beforeAll, expect, test } from 'vitest';
import { describeOperator, eventually, newestRun, read, report, secondsOf } from './engine-kit.ts';
import { apply, execIn, kubectl, waitFor } from './harness.ts';
import { shell } from './pods.ts';

/** Several upgrades in a row, on a machine that may have much else to do. */
const LONG = { timeout: 600_000 };

const API_VERSION = 'web.libretto.dev/v1alpha1';

const SERVE = [
  'schema=$(redis-cli -h store get schema)',
  'if [ "$schema" -lt "$NEEDS" ]; then echo "schema $schema is older than $NEEDS" >&2; exit 1; fi',
  'mkdir -p /tmp/www && echo "version $VERSION" > /tmp/www/index.html',
  'exec busybox httpd -f -p 8080 -h /tmp/www',
].join('\n');

/** Requests fifty times a second at most, each over a connection of its own; what they come to is counted in /tmp/said. */
const ASK = `$| = 1;
while (1) {
  select undef, undef, undef, 0.02;
  my $socket = IO::Socket::INET->new(PeerAddr => "$ARGV[0]:80", Timeout => 10);
  if (!$socket) { print "failed to connect: $@\\n"; next }
  print $socket "GET / HTTP/1.0\\r\\nHost: $ARGV[0]\\r\\n\\r\\n";
  local $/;
  my $answer = <$socket> // "";
  print $answer =~ m{^HTTP/\\S+ 200 .*(version \\d+)}s ? "$1\\n" : "failed: $answer\\n";
}`;

const START = 'perl -MIO::Socket::INET -e "$1" "$2" > /tmp/said 2>&1 < /dev/null & echo $! > /tmp/pid';

interface WebAppObject {
  readonly status?: {
    readonly version?: string;
    readonly image?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message: string;
    }[];
  };
}

describeOperator('WebApp', ['webapp'], (site) => {
  const put = (name: string, version: string, needs: string, spec: object = {}) =>
    eventually('the definition of WebApp', async () => {
      await apply(site.namespace, {
        apiVersion: API_VERSION,
        kind: 'WebApp',
        metadata: { name },
        spec: {
          image: 'databases:1',
          version,
          replicas: 2,
          healthPath: '/',
          command: ['sh', '-c', SERVE],
          env: [
            { name: 'VERSION', value: version },
            { name: 'NEEDS', value: needs },
          ],
          progressDeadlineSeconds: 120,
          ...spec,
        },
      });
      return true;
    });
  const migrates = (script: string) => ({
    migration: { command: ['sh', '-ec', script], deadlineSeconds: 20 },
  });
  const webApp = (name: string) => read<WebAppObject>(site.namespace, `webapp/${name}`);
  const serves = (name: string, version: string) =>
    eventually(`${name} with version ${version}`, async () => {
      const { status } = await webApp(name);
      const ready = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True');
      return (ready === true && status?.version === version) || undefined;
    });
  const condition = async (name: string, type: string) =>
    (await webApp(name)).status?.conditions?.find((c) => c.type === type);
  const redis = async (...command: string[]) =>
    (await execIn(site.namespace, 'store', ['redis-cli', ...command])).trim();

  const startAsking = (name: string) =>
    execIn(site.namespace, 'client', ['bash', '-c', START, 'ask', ASK, name]);
  /** How often each answer came. */
  const stopAsking = async (): Promise<Record<string, number>> => {
    const said = 'kill $(cat /tmp/pid); sort /tmp/said | uniq -c';
    const text = await execIn(site.namespace, 'client', ['bash', '-c', said]);
    const lines = text
      .trim()
      .split('\n')
      .map((line) => /^\s*(\d+) (.*)$/.exec(line) ?? []);
    return Object.fromEntries(lines.map(([, count, answer = '']) => [answer, Number(count)]));
  };
  const failures = (answers: Record<string, number>) =>
    Object.entries(answers).filter(([answer]) => !answer.startsWith('version '));
  const total = (answers: Record<string, number>) => Object.values(answers).reduce((sum, n) => sum + n, 0);

  beforeAll(async () => {
    const store = shell('store');
    const ports = [{ port: 6379 }];
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'store' },
      spec: { selector: { app: 'store' }, ports },
    };
    await apply(site.namespace, store, shell('client'), service);
    await waitFor(site.namespace, 'pod/store', 'condition=Ready');
    await waitFor(site.namespace, 'pod/client', 'condition=Ready');
    await execIn(site.namespace, 'store', [
      'sh',
      '-c',
      'redis-server --protected-mode no --save "" --daemonize yes',
    ]);
    for (let n = 1; n <= 50; n++) await redis('rpush', 'orders', `order ${n}`);
  });

  test('migrates before the first pod of a new WebApp is started', async () => {
    const began = Date.now();
    await put('shop', '1', '1', migrates('redis-cli -h store set schema 1'));
    await serves('shop', '1');
    const run = await newestRun(site.namespace, 'shop', 'upgrade');
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    const pods = await kubectl([
      'get',
      'pods',
      '-n',
      site.namespace,
      '-l',
      'app.kubernetes.io/name=webapp',
      '-o',
      'json',
    ]);
    for (const pod of JSON.parse(pods).items) expect(pod.status.containerStatuses[0].restartCount).toBe(0);
    const seconds = Math.round((Date.now() - began) / 1000);
    report('WebApp created with a migration', 'the schema was there when the first pod started', seconds);
  });

  test('upgrades with a migration: no request fails, and the new version finds the new schema', async () => {
    await startAsking('shop');
    await put('shop', '2', '2', migrates('redis-cli -h store set schema 2'));
    await serves('shop', '2');
    const answers = await stopAsking();
    expect(failures(answers)).toEqual([]);
    expect(Object.keys(answers)).toEqual(['version 1', 'version 2']);
    expect(await redis('llen', 'orders')).toBe('50');
    const run = await newestRun(site.namespace, 'shop', 'upgrade');
    report(
      'WebApp upgraded with a migration',
      `${total(answers)} requests, 0 failed; 50 orders are there`,
      secondsOf(run),
    );
  });

  test(
    'keeps the old version where the migration fails or never ends, and goes on once it is corrected',
    LONG,
    async () => {
      await startAsking('shop');
      await put('shop', '3', '3', migrates('echo "column exists already" >&2; exit 1'));
      const failed = await newestRun(
        site.namespace,
        'shop',
        'upgrade',
        ({ status }) => status?.phase === 'Failed',
      );
      expect(failed.status?.failed).toMatchObject({
        step: 'migrate',
        message: expect.stringContaining('column exists already'),
      });
      await put('shop', '3', '3', { migration: { command: ['sleep', '1000'], deadlineSeconds: 3 } });
      const endless = await newestRun(
        site.namespace,
        'shop',
        'upgrade',
        ({ metadata, status }) => status?.phase === 'Failed' && metadata.name !== failed.metadata.name,
      );
      expect(endless.status?.failed).toMatchObject({
        step: 'migrate',
        message: expect.stringMatching(/deadline/i),
      });
      expect(await webApp('shop')).toMatchObject({ status: { version: '2' } });
      expect(await condition('shop', 'ReleaseReached')).toMatchObject({ status: 'False' });
      expect(await condition('shop', 'ActionFailed')).toMatchObject({ status: 'True' });
      const answers = await stopAsking();
      expect(Object.keys(answers)).toEqual(['version 2']);
      await put('shop', '3', '3', migrates('redis-cli -h store set schema 3'));
      await serves('shop', '3');
      expect(await redis('llen', 'orders')).toBe('50');
      report(
        'migration that fails, then one that never ends',
        `${total(answers)} requests, all served by the old version`,
      );
    },
  );

  test('goes back to the last good version where the new one does not get ready', LONG, async () => {
    await startAsking('shop');
    const hasty = { progressDeadlineSeconds: 15 };
    await put('shop', '4', '99', { ...migrates('redis-cli -h store set schema 4'), ...hasty });
    const run = await newestRun(
      site.namespace,
      'shop',
      'upgrade',
      ({ status }) => status?.phase === 'Failed' && status.failed?.step === 'judge',
    );
    expect(run.status?.failed?.message).toContain('no pod of 4 got ready');
    expect(run.status?.steps).toContainEqual(
      expect.objectContaining({ name: 'startBack', phase: 'Succeeded' }),
    );
    await serves('shop', '3');
    const answers = await stopAsking();
    expect(Object.keys(answers)).toEqual(['version 3']);
    expect(await condition('shop', 'ReleaseReached')).toMatchObject({
      status: 'False',
      message: expect.stringContaining('3 serves and 4 is wanted'),
    });
    await put('shop', '5', '4', migrates('redis-cli -h store set schema 4'));
    await serves('shop', '5');
    expect(await redis('llen', 'orders')).toBe('50');
    report(
      'version that never gets ready',
      `${total(answers)} requests, all served by the old version`,
      secondsOf(run),
    );
  });

  test('upgrades without a migration as well', async () => {
    await put('plain', '1', '0');
    await serves('plain', '1');
    await startAsking('plain');
    await put('plain', '2', '0', { image: 'databases:2' });
    await serves('plain', '2');
    const answers = await stopAsking();
    expect(failures(answers)).toEqual([]);
    expect(Object.keys(answers)).toEqual(['version 1', 'version 2']);
    expect(await webApp('plain')).toMatchObject({ status: { image: 'databases:2' } });
    report('WebApp without a migration gets another image', `${total(answers)} requests, 0 failed`);
  });
});
