// Baileys, the WhatsApp client of the Node world, which knows only its own servers' language and echoes nothing.
import { createRequire } from 'node:module';
import { initAuthCreds, makeWASocket } from '@whiskeysockets/baileys';

const [role, , url] = process.argv.slice(2);
const say = (event, facts = {}) => console.log(JSON.stringify({ event, ...facts }));
const quiet = { level: 'silent', child: () => quiet, trace() {}, debug() {}, info() {}, warn() {}, error() {} };

if (role === 'version') {
  const { version } = createRequire(import.meta.url)('@whiskeysockets/baileys/package.json');
  say('version', { version: `Baileys ${version}, Node ${process.versions.node}` });
} else {
  const socket = makeWASocket({
    waWebSocketUrl: url,
    auth: { creds: initAuthCreds(), keys: { get: async () => ({}), set: async () => {} } },
    connectTimeoutMs: 60_000,
    logger: quiet,
  });
  socket.ws.on('open', () => say('open'));
  // What it makes of a Close that it receives; the code and the reason themselves it shows to nobody.
  socket.ev.on('connection.update', ({ connection, lastDisconnect }) => {
    if (connection !== 'close') return;
    const { output, message } = lastDisconnect.error;
    say('closed', { code: output.statusCode, reason: message });
    process.exit(0);
  });
}
