// node_ws.js - npm ws as a peer in `make bench`: echo, fan or tick.
//   node node_ws.js echo|fan|tick PORT [--tick MS] [--size BYTES]
"use strict";
const path = require("path");
const home = process.env.BENCH_NPM || path.join(__dirname, "../../../obj/npm");
const { WebSocketServer } = require(path.join(home, "node_modules/ws"));

const [role, port] = process.argv.slice(2);
const option = (name, preset) => {
	const at = process.argv.indexOf(name);
	return at < 0 ? preset : Number(process.argv[at + 1]);
};
const server = new WebSocketServer({
	host: "127.0.0.1", port: Number(port), backlog: 4096,
	perMessageDeflate: false,
});
const toAll = (bytes, binary) => {
	for (const player of server.clients)
		player.send(bytes, { binary });
};

server.on("connection", (player) => {
	player.on("error", () => {});
	if (role === "echo")
		player.on("message", (bytes, binary) =>
			player.send(bytes, { binary }));
	else if (role === "fan")
		player.on("message", toAll);
	else
		player.on("message", () => {});
});

if (role === "tick") {
	const size = option("--size", 128);
	const text = Buffer.alloc(size);
	let number = 0;
	for (let i = 0; i < size; i++)
		text[i] = i < 4 ? 97 : 97 + (i % 26);
	setInterval(() => {
		for (let i = 0; i < 4; i++)
			text[4 + i] = 97 + ((number >> (4 * i)) & 15);
		number = (number + 1) & 0xffff;
		toAll(Buffer.from(text), false);
	}, option("--tick", 50));
}
