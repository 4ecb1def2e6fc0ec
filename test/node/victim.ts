/** Starts a cluster with a node, says where it is, and never ends by itself: to be killed by a test. */
import { startNodeCluster } from '../../engine/embedded/node-cluster.ts';

const { plane, node } = await startNodeCluster();
const machine = node.processes.get('machine')?.pid;
console.log(JSON.stringify({ machine, dataDir: plane.dataDir, podSubnet: node.podSubnet }));
setInterval(() => undefined, 1_000_000);
