// Java's own client, java.net.http. What a peer does is written in peer.py.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;

class Java implements WebSocket.Listener {
    static final CountDownLatch over = new CountDownLatch(1);

    static void say(String event, String facts) {
        System.out.println("{\"event\": \"" + event + "\"" + facts + "}");
    }

    static void closed(int code, String reason) {
        say("closed", ", \"code\": " + code + ", \"reason\": \"" + reason.replace('"', '\'') + "\"");
        over.countDown();
    }

    @Override
    public void onOpen(WebSocket socket) {
        say("open", "");
        socket.request(1);
    }

    // The next message is asked for when the last one is sent: the client allows one pending send.
    @Override
    public CompletionStage<?> onText(WebSocket socket, CharSequence text, boolean last) {
        var sent = text.toString().equals("close now") ? socket.sendClose(1000, "bye") : socket.sendText(text, last);
        return sent.thenRun(() -> socket.request(1));
    }

    @Override
    public CompletionStage<?> onBinary(WebSocket socket, ByteBuffer data, boolean last) {
        return socket.sendBinary(data, last).thenRun(() -> socket.request(1));
    }

    @Override
    public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
        closed(code, reason);
        return null;
    }

    @Override
    public void onError(WebSocket socket, Throwable error) {
        closed(1006, String.valueOf(error.getMessage()));
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("version")) {
            say("version", ", \"version\": \"java.net.http, Java " + Runtime.version() + "\"");
            return;
        }
        long keepalive = (long) (Double.parseDouble(args[1]) * 1000);
        var socket = HttpClient.newHttpClient().newWebSocketBuilder().buildAsync(URI.create(args[2]), new Java()).join();
        // It has no keepalive of its own.
        var pings = new Thread(() -> ping(socket, keepalive));
        pings.setDaemon(true);
        if (keepalive > 0) pings.start();
        over.await();
        // What it still has to send, its answer to a Close, leaves on threads that do not keep the process.
        Thread.sleep(200);
        System.exit(0);
    }

    static void ping(WebSocket socket, long keepalive) {
        try {
            while (true) {
                Thread.sleep(keepalive);
                socket.sendPing(ByteBuffer.allocate(0)).join();
            }
        } catch (Exception over) {
            return;
        }
    }
}
