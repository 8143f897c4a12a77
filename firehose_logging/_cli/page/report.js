"use strict";
const S = JSON.parse(document.getElementById("summary").textContent);
const $ = (id) => document.getElementById(id);
// An invocation: see report.py; times are ms since S.start.
const I = S.invocations, N = I.start.length;
let L = null; // lines, once unpacked
let chosen = []; // indexes of invocations that are shown
let range = [0, S.length], sort = ["start", 1], page = 0;
const PER_PAGE = 50, ROW = 16, LABEL = 118;

// -- filter ---------------------------------------------------------------------------------
function wanted() {
  return { text: $("text").value.trim().toLowerCase(), fn: $("function").value, status: $("status").value, level: $("level").value };
}
function filter() {
  const want = wanted();
  const said = want.text && L ? invocationsThatSay(want.text) : null;
  const has = want.level && L ? invocationsWithLevel(S.levels.indexOf(want.level)) : null;
  chosen = [];
  for (let i = 0; i < N; i++) {
    if (want.fn && S.functions[I.fn[i]] !== want.fn) continue;
    if (want.status && S.statuses[I.status[i]] !== want.status) continue;
    if (has && !has.has(i)) continue;
    if (I.start[i] > range[1] || I.start[i] + (I.ms[i] || 0) + (I.hold[i] || 0) < range[0]) continue;
    if (want.text && !I.id[i].includes(want.text) && !(I.error[i] >= 0 && S.errorTypes[I.error[i]].toLowerCase().includes(want.text)) && !(said && said.has(i))) continue;
    chosen.push(i);
  }
  page = 0;
  draw();
}
function invocationsThatSay(text) {
  const found = new Set(), match = L.texts.map((each) => each.toLowerCase().includes(text));
  for (let k = 0; k < L.time.length; k++) if (match[L.text[k]] && L.invocation[k] >= 0) found.add(L.invocation[k]);
  return found;
}
function invocationsWithLevel(level) {
  const found = new Set();
  for (let k = 0; k < L.time.length; k++) if (L.level[k] === level) found.add(L.invocation[k]);
  return found;
}

// -- what is drawn ----------------------------------------------------------------------------
function draw() {
  const times = chosen.map((i) => I.ms[i]).filter((ms) => ms != null);
  $("shown").textContent = `${number(chosen.length)} of ${number(N)} invocations shown`;
  totals(times);
  timeline();
  volume();
  histogram($("latency"), times, "Duration of the handler");
  histogram($("cold"), chosen.map((i) => I.init[i]).filter((ms) => ms != null), "Duration of initialization");
  errors();
  messages();
  invocations();
}
function totals(times) {
  const sorted = Float64Array.from(times).sort();
  const bad = chosen.filter((i) => !["success", ""].includes(S.statuses[I.status[i]])).length;
  const cold = chosen.filter((i) => I.cold[i]).length;
  const cost = chosen.reduce((sum, i) => sum + (I.cost[i] || 0), 0);
  const cards = [
    ["invocations", number(chosen.length)],
    ["failed", `${number(bad)} (${number((100 * bad) / (chosen.length || 1), 2)} %)`, bad > 0],
    ["p50", milliseconds(quantile(sorted, 0.5))], ["p99", milliseconds(quantile(sorted, 0.99))],
    ["cold starts", number(cold)], ["lines in all", number(S.lines)],
    ["missing lines", number(S.missing), S.missing > 0], ["Lambda's cost", cost < 0.005 ? "under 1 cent" : dollars(cost)],
  ];
  $("totals").replaceChildren(...cards.map(([name, value, isBad]) => node("div", { class: "card" + (isBad ? " bad" : "") }, node("b", {}, value || "-"), name)));
}
const colourOf = (i) => ({ success: "--ok", "": "--ok", timeout: "--timeout" })[S.statuses[I.status[i]]] || "--bad";
let rows = [], boxes = [];
function timeline() {
  const canvas = $("timeline").querySelector("canvas"), width = Math.max(280, $("timeline").clientWidth - 18);
  const shown = new Set(chosen);
  rows = [...new Set(chosen.map((i) => I.instance[i]))].sort((a, b) => S.instances[a].first - S.instances[b].first);
  const more = Math.max(0, rows.length - 60);
  rows = rows.slice(0, 60);
  const height = rows.length * ROW + 26, scale = window.devicePixelRatio || 1;
  canvas.width = width * scale; canvas.height = height * scale; canvas.style.height = height + "px";
  const g = canvas.getContext("2d"); g.scale(scale, scale);
  const label = width < 500 ? 0 : LABEL, x = (ms) => label + ((ms - range[0]) / (range[1] - range[0] || 1)) * (width - label - 4);
  const rowOf = new Map(rows.map((instance, row) => [instance, row]));
  g.font = "11px system-ui, sans-serif"; g.textBaseline = "middle";
  const colours = {}; for (const name of ["--ok", "--bad", "--timeout", "--init", "--hold", "--frozen", "--text", "--muted"]) colours[name] = css(name);
  const bar = (row, from, to, colour, inset) => {
    const left = Math.max(label, x(from)), right = Math.min(width, x(to));
    if (right < label || left > width) return;
    g.fillStyle = colours[colour]; g.fillRect(left, row * ROW + inset, Math.max(1.5, right - left), ROW - 2 * inset);
  };
  for (const [instance, row] of rowOf) {
    const each = S.instances[instance];
    bar(row, each.first, each.last, "--frozen", 6);
    if (label) { g.fillStyle = colours["--muted"]; g.fillText(each.id.slice(0, 16), 0, row * ROW + ROW / 2); }
    bar(row, each.last, each.last, "--text", 1);
  }
  boxes = [];
  for (const i of shown) {
    const row = rowOf.get(I.instance[i]); if (row === undefined) continue;
    const from = I.start[i], to = from + (I.ms[i] || 1), held = to + (I.hold[i] || 0);
    if (I.init[i] != null) bar(row, from - I.init[i], from, "--init", 3);
    if (I.hold[i]) bar(row, to, held, "--hold", 4);
    bar(row, from, to, colourOf(i), 2);
    boxes.push([i, row, x(from), Math.max(x(held), x(from) + 3)]);
  }
  g.fillStyle = colours["--muted"];
  g.fillText(clock(S.start + range[0]), label, height - 10);
  const end = clock(S.start + range[1]); g.fillText(end, width - g.measureText(end).width - 4, height - 10);
  $("range").textContent = `${clock(S.start + range[0], "whole")} to ${clock(S.start + range[1], "whole")} UTC` + (more ? `; ${number(more)} more environments are not drawn: filter or zoom` : "");
}
function volume() {
  if (!L) { $("volume").textContent = "Unpacking the lines ..."; return; }
  const count = 120, bins = S.levels.map(() => new Array(count).fill(0));
  const want = wanted(), all = !want.fn && !want.status && !want.text;
  const shown = new Set(chosen), level = want.level ? S.levels.indexOf(want.level) : -1;
  for (let k = 0; k < L.time.length; k++) {
    const at = L.time[k];
    if (at < range[0] || at > range[1] || (level >= 0 && L.level[k] !== level) || (!all && !shown.has(L.invocation[k]))) continue;
    bins[L.level[k]][Math.min(count - 1, Math.floor(((at - range[0]) / (range[1] - range[0] || 1)) * count))]++;
  }
  stacked($("volume"), bins, S.levels, S.start + range[0], S.start + range[1]);
}
function errors() {
  const shown = new Set(chosen), groups = S.errors.map((each) => [each, each.invocations.filter((i) => i < 0 || shown.has(i))]).filter(([, list]) => list.length);
  if (!groups.length) { $("errors").replaceChildren(node("p", { class: "muted" }, "None in what is shown.")); return; }
  groups.sort((a, b) => b[1].length - a[1].length);
  $("errors").replaceChildren(...groups.slice(0, 50).map(([each, list]) => node("details", {},
    node("summary", {}, `${number(list.length)} × `, node("strong", { class: "l-ERROR" }, each.type || "error"), ` ${each.message || ""} `, node("span", { class: "muted" }, [each.kind, each.location].filter(Boolean).join(" at "))),
    each.stack ? node("pre", {}, each.stack) : null,
    node("p", { class: "muted" }, "Requests: "), ...list.filter((i) => i >= 0).slice(0, 10).map((i) => node("div", {}, link(i))))));
}
function messages() {
  $("messages").replaceChildren(table("Numbers and ids in a message count as one; of all lines", [
    ["lines", (row) => number(row.count), "n"], ["level", (row) => node("span", { class: "l-" + row.level }, row.level || "")],
    ["logger", (row) => row.logger], ["message", (row) => row.message, "t"]], S.messages));
}
function link(i) {
  return node("button", { type: "button", class: "id", onclick: () => story(i) }, I.id[i]);
}
const COLUMNS = [
  ["started", "start", (i) => clock(S.start + I.start[i]) + "." + String(Math.floor((S.start + I.start[i]) % 1000)).padStart(3, "0")],
  ["request", "id", (i) => link(i)], ["function", "fn", (i) => S.functions[I.fn[i]]],
  ["status", "status", (i) => node("span", { class: "s-" + S.statuses[I.status[i]] }, S.statuses[I.status[i]] || "unknown")],
  ["handler", "ms", (i) => milliseconds(I.ms[i]), "n"], ["init", "init", (i) => milliseconds(I.init[i]), "n"],
  ["hold", "hold", (i) => milliseconds(I.hold[i]), "n"], ["memory MB", "memory", (i) => number(I.memory[i]), "n"],
  ["lines", "lines", (i) => number(I.lines[i]), "n"], ["error", "error", (i) => (I.error[i] >= 0 ? S.errorTypes[I.error[i]] : "")],
];
function invocations() {
  const [key, way] = sort, values = I[key];
  const order = [...chosen].sort((a, b) => way * ((values[a] ?? -1) < (values[b] ?? -1) ? -1 : (values[a] ?? -1) > (values[b] ?? -1) ? 1 : 0));
  const pages = Math.max(1, Math.ceil(order.length / PER_PAGE));
  const head = node("tr", {}, ...COLUMNS.map(([title, name, , kind]) => node("th", { scope: "col", class: kind, "aria-sort": name === key && (way > 0 ? "ascending" : "descending") },
    node("button", { type: "button", onclick: () => { sort = [name, name === key ? -way : 1]; page = 0; invocations(); } }, title + (name === key ? (way > 0 ? " ↑" : " ↓") : "")))));
  const body = order.slice(page * PER_PAGE, (page + 1) * PER_PAGE).map((i) => node("tr", {}, ...COLUMNS.map(([, , value, kind]) => node("td", { class: kind }, value(i)))));
  const turn = (by) => () => { page += by; invocations(); };
  $("table").replaceChildren(
    node("div", { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": "invocations" }, node("table", {}, node("thead", {}, head), node("tbody", {}, ...body))),
    node("div", { class: "tools" }, node("button", { type: "button", disabled: page === 0, onclick: turn(-1) }, "Previous"),
      node("span", { class: "muted" }, `Page ${page + 1} of ${number(pages)}`), node("button", { type: "button", disabled: page + 1 >= pages, onclick: turn(1) }, "Next")));
}

// -- the story of one request -------------------------------------------------------------------
async function story(i) {
  await unpacked;
  $("story-title").textContent = `${I.id[i]} ${S.functions[I.fn[i]]}`;
  const found = []; for (let k = 0; k < L.time.length; k++) if (L.invocation[k] === i) found.push(k);
  found.sort((a, b) => L.time[a] - L.time[b] || a - b);
  const status = S.statuses[I.status[i]] || "unknown";
  const facts = [`${status}`, I.ms[i] != null && `handler ${milliseconds(I.ms[i])}`, I.init[i] != null && `init ${milliseconds(I.init[i])}`, I.hold[i] && `held ${milliseconds(I.hold[i])}`, I.cold[i] && "cold start", I.cost[i] && dollars(I.cost[i])];
  const lines = found.map((k) => node("div", { class: "line" }, node("span", { class: "muted" }, clock(S.start + L.time[k], true)),
    node("span", { class: "l-" + S.levels[L.level[k]] }, S.levels[L.level[k]]),
    node("span", {}, node("span", { class: "muted" }, S.loggers[L.logger[k]] + " "), L.texts[L.text[k]], L.stacks[k] ? "\n" + L.stacks[k] : "")));
  $("story-body").replaceChildren(node("p", { class: "muted" }, facts.filter(Boolean).join(" · ")), ...lines);
  if (!lines.length) $("story-body").append(node("p", {}, "None of its lines is in this report (--lines)."));
  $("story").showModal();
}
$("close").addEventListener("click", () => $("story").close());

// -- zoom ---------------------------------------------------------------------------------------
function zoom(what) {
  const [from, to] = range, size = to - from;
  const moves = { in: [from + size / 4, to - size / 4], out: [from - size / 2, to + size / 2], left: [from - size / 2, to - size / 2], right: [from + size / 2, to + size / 2], all: [0, S.length] };
  let [a, b] = moves[what];
  if (b - a >= S.length) [a, b] = [0, S.length];
  if (a < 0) [a, b] = [0, b - a];
  if (b > S.length) [a, b] = [S.length - (b - a), S.length];
  range = [Math.max(0, a), Math.max(b, a + 1)];
  filter();
}
for (const button of document.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => zoom(button.dataset.zoom));
$("timeline").addEventListener("keydown", (event) => {
  const what = { ArrowLeft: "left", ArrowRight: "right", "+": "in", "=": "in", "-": "out", 0: "all" }[event.key];
  if (what) { event.preventDefault(); zoom(what); }
});
let pressed = null;
const canvas = $("timeline").querySelector("canvas");
const place = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top, box.width]; };
canvas.addEventListener("pointerdown", (event) => { pressed = place(event); });
canvas.addEventListener("pointerup", (event) => {
  if (!pressed) return;
  const [x0] = pressed, [x1, y1, width] = place(event); pressed = null;
  if (Math.abs(x1 - x0) < 6) {
    const row = Math.floor(y1 / ROW), hit = boxes.filter(([, r, a, b]) => r === row && x1 >= a - 3 && x1 <= b + 3).pop();
    if (hit) story(hit[0]);
    return;
  }
  const label = width < 500 ? 0 : LABEL, at = (x) => range[0] + ((x - label) / (width - label - 4)) * (range[1] - range[0]);
  range = [Math.max(0, at(Math.min(x0, x1))), Math.min(S.length, at(Math.max(x0, x1)))];
  if (range[1] - range[0] < 1) range[1] = range[0] + 1;
  filter();
});

// -- begin --------------------------------------------------------------------------------------
function option(id, values) { for (const value of values) if (value) $(id).append(node("option", { value }, value)); }
option("function", S.functions); option("status", S.statuses); option("level", S.levels);
$("about").textContent = S.about;
for (const text of S.notes) document.querySelector("main").prepend(node("p", { class: "note" }, text));
$("volume-legend").replaceChildren(...S.levels.map((level) => { const key = node("i"); key.style.background = `var(--${level.toLowerCase()}, var(--muted))`; return node("li", {}, key, level); }));
$("losses").replaceChildren(node("p", {}, S.verdict), table("By environment: what its numbers say", [
  ["environment", (row) => row.id], ["function", (row) => row.fn], ["lines", (row) => number(row.lines), "n"], ["missing", (row) => number(row.missing), "n"],
  ["on their way", (row) => number(row.pending), "n"], ["twice", (row) => number(row.duplicates), "n"], ["told lost", (row) => number(row.lost), "n"]], S.proof));
$("cost").replaceChildren(table(S.costAbout, [["way", (row) => row.name], ["GB", (row) => number(row.gb, 6), "n"], ["ingestion", (row) => dollars(row.ingestion), "n"],
  ["hold", (row) => dollars(row.hold), "n"], ["S3 PUTs", (row) => dollars(row.s3), "n"], ["queries", (row) => dollars(row.queries), "n"], ["in all", (row) => dollars(row.total), "n"]], S.cost));
$("theme").addEventListener("change", (event) => { document.documentElement.dataset.theme = event.target.value; draw(); });
let later = 0;
const soon = () => { clearTimeout(later); later = setTimeout(filter, 120); };
$("filter").addEventListener("input", soon);
$("filter").addEventListener("submit", (event) => event.preventDefault());
$("filter").addEventListener("reset", () => { range = [0, S.length]; setTimeout(filter); });
addEventListener("resize", () => { clearTimeout(later); later = setTimeout(draw, 120); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
filter();

async function unpack() {
  const bytes = Uint8Array.from(atob($("lines").textContent), (each) => each.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  L = JSON.parse(await new Response(stream).text());
  $("lines").textContent = "";
  filter();
  document.documentElement.dataset.ready = "yes";
}
const unpacked = unpack().catch((error) => { document.querySelector("main").prepend(node("p", { class: "note" }, "The lines cannot be unpacked here: " + error)); throw error; });
