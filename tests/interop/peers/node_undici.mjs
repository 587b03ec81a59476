// Node's `undici`, a client that has no pings of its own. What a peer does is written in peer.py.
import { createRequire } from 'node:module';
import { WebSocket } from 'undici';

const [role, , url] = process.argv.slice(2);
const say = (event, facts = {}) => console.log(JSON.stringify({ event, ...facts }));

if (role === 'version') {
  const { version } = createRequire(import.meta.url)('undici/package.json');
  say('version', { version: `undici ${version}, Node ${process.versions.node}` });
} else {
  const socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => say('open');
  socket.onmessage = ({ data }) => (data === 'close now' ? socket.close(1000, 'bye') : socket.send(data));
  socket.onerror = () => {};
  socket.onclose = ({ code, reason }) => {
    say('closed', { code, reason });
    process.exit(0);
  };
}
