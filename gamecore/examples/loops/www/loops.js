// loops.js - one status line, keys sent as their codes.
"use strict";

const LOG_MAX = 12;
const status_line = document.getElementById("status");
const log = document.getElementById("log");
const button = document.getElementById("connect");
let socket = null;

function show(words) {
	const li = document.createElement("li");

	status_line.textContent = li.textContent = words;
	log.prepend(li);
	while (log.childElementCount > LOG_MAX)
		log.lastChild.remove();
}

function connect() {
	const url = new URL("ws", location.href);

	url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
	socket = new WebSocket(url);
	socket.onopen = () => {
		show("Connected");
		button.textContent = "Disconnect";
	};
	socket.onmessage = (e) => show(String(e.data));
	socket.onclose = (e) => {
		show(e.reason ? `Disconnected: ${e.reason}` : "Disconnected");
		button.textContent = "Connect";
		socket = null;
	};
}

button.onclick = () => {
	if (socket)
		socket.close();
	else
		connect();
	button.blur();
};

function say(code) {
	if (socket && socket.readyState === WebSocket.OPEN)
		socket.send(String(code));
}

document.onkeydown = (e) => {
	if (!e.repeat)
		say(e.keyCode);
};
/* A finger is a space bar. */
status_line.onclick = () => say(32);

connect();
