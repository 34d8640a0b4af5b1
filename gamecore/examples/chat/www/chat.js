// chat.js - what a terminal would show, with some colour: a message is a line.
"use strict";

const LINES_MAX = 500; // kept on the page
const lines = document.getElementById("lines");
const state = document.getElementById("state");
const text = document.getElementById("text");
const send = document.getElementById("send");
let socket;
let wait = 500; // ms before the next try

function say(is, words) {
	state.dataset.is = is;
	state.textContent = words;
	text.disabled = send.disabled = is !== "on";
}

// A colour of its own for each name, the same in each window.
function colour(name) {
	let h = 0;
	for (const c of name)
		h = (h * 31 + c.codePointAt(0)) % 360;
	return `hsl(${h} 75% 70%)`;
}

// "<ann> hello", "* ann joined", "[ann tells you] psst", or the game's words.
function show(line) {
	const p = document.createElement("p");
	const said = /^<([\w-]+)> ([^]*)$/.exec(line);
	const bottom = lines.scrollHeight - lines.scrollTop - lines.clientHeight;

	if (said) {
		const b = document.createElement("b");
		b.textContent = said[1];
		b.style.color = colour(said[1]);
		p.append(b, said[2]);
	} else {
		p.textContent = line;
		p.className = line.startsWith("* ") ? "news" :
			line.startsWith("[") ? "told" : "game";
	}
	lines.append(p);
	while (lines.childElementCount > LINES_MAX)
		lines.firstChild.remove();
	if (bottom < 60)
		lines.scrollTop = lines.scrollHeight;
	if (line.startsWith("Hello "))
		text.placeholder = "Say something, or /who";
}

function connect() {
	const url = new URL("chat", location.href);

	url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
	socket = new WebSocket(url);
	socket.onopen = () => {
		wait = 500;
		text.placeholder = "Your name";
		say("on", "connected");
		text.focus();
	};
	socket.onmessage = (e) => show(String(e.data).trimEnd());
	socket.onclose = (e) => {
		if (e.code === 1000) {
			say("off", "you left; reload to come back");
			return;
		}
		say("off", `${e.reason || "no connection"}, trying again`);
		setTimeout(connect, wait);
		wait = Math.min(wait * 2, 8000);
	};
}

document.getElementById("form").onsubmit = (e) => {
	e.preventDefault();
	if (socket.readyState !== WebSocket.OPEN || text.value === "")
		return;
	socket.send(text.value);
	text.value = "";
};

connect();
