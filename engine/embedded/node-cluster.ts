/** A control plane with one real node, started and ended together. */

import { systemClock } from '../base/clock.ts';
import { holdProcess } from '../base/hold.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.ts';
import { type Node, type NodeOptions, requireRoot, startNode } from './node.ts';
import { openNodeNetwork } from './node-network.ts';
import { ensurePackages } from './node-packages.ts';

export interface NodeClusterOptions {
  readonly plane?: Omit<ControlPlaneOptions, 'address' | 'kwokNodes'>;
  readonly node?: Omit<NodeOptions, 'network'>;
}

export interface NodeCluster {
  readonly plane: ControlPlane;
  readonly node: Node;
  /** Ends both and removes the network between them. */
  stop(): Promise<void>;
}

/** What is missing is installed, built or made first, which is told to `progress`. Throws what `startNode` throws. */
export function startNodeCluster(options: NodeClusterOptions = {}): Promise<NodeCluster> {
  return holdProcess(async () => {
    requireRoot();
    const { progress, signal, clock = systemClock() } = options.node ?? {};
    await ensurePackages({ clock, progress, signal });
    const network = await openNodeNetwork();
    let plane: ControlPlane | undefined;
    try {
      plane = await startControlPlane({ ...options.plane, address: network.hostAddress });
      const node = await startNode(plane, { ...options.node, network });
      return together(plane, node);
    } catch (error) {
      await network.release();
      await plane?.stop();
      throw error;
    }
  });
}

function together(plane: ControlPlane, node: Node): NodeCluster {
  return {
    plane,
    node,
    stop: async () => {
      await node.stop();
      await plane.stop();
    },
  };
}
