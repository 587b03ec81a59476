// Node's `ws`, as server and as client. What a peer does is written in peer.py.
import { createRequire } from 'node:module';
import { WebSocket, WebSocketServer } from 'ws';

const [role, keepalive, url] = process.argv.slice(2);
const say = (event, facts = {}) => console.log(JSON.stringify({ event, ...facts }));

function play(socket) {
  if (socket.readyState === WebSocket.OPEN) say('open');
  else socket.on('open', () => say('open'));
  socket.on('message', (data, binary) => {
    if (!binary && data.toString() === 'close now') socket.close(1000, 'bye');
    else socket.send(data, { binary });
  });
  socket.on('error', () => {});
  socket.on('close', (code, reason) => {
    say('closed', { code, reason: reason.toString() });
    process.exit(0);
  });
  // It has no keepalive of its own; its documentation has this one.
  if (+keepalive) setInterval(() => socket.readyState === WebSocket.OPEN && socket.ping(), keepalive * 1000);
}

if (role === 'version') {
  const { version } = createRequire(import.meta.url)('ws/package.json');
  say('version', { version: `ws ${version}, Node ${process.versions.node}` });
} else if (role === 'listen') {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  server.on('listening', () => say('listening', { port: server.address().port }));
  server.on('connection', play);
} else {
  play(new WebSocket(url));
}
