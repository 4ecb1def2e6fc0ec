/** Names of namespaces that are only printed: what Kubernetes would refuse is told here, where it was written. */
import { UsageError } from './command.ts';

export function checkNamespaces(names: readonly string[]): void {
  const wrong = names.filter((name) => !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name));
  if (wrong.length === 0) return;
  throw new UsageError(
    `${wrong.join(', ')} can't be the name of a namespace`,
    'at most 63 lower case letters, digits and -',
  );
}
