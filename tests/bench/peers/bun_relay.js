// Bun's own fan-out: `publish` to a topic. What is said to it is told in tests/bench/relay.py.
const NAME = 36;

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  fetch(request, server) {
    return server.upgrade(request) ? undefined : new Response("", { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    idleTimeout: 960,
    sendPings: false,
    message(socket, text) {
      if (text.length === NAME) {
        socket.subscribe(text);
        socket.send('{"type":"welcome"}');
      } else if (text.length > NAME) {
        server.publish(text.slice(0, NAME), text.slice(NAME));
      }
    },
  },
});
