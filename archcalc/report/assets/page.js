// The page: parameters at the top, and everything that follows from them.
const DATA = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const IN_BYTES = new Set(["weight_bytes", "act_peak_bytes", "act_sum_bytes", "bytes"]);
const MAPS = { params: "params", macs: "MACs", bytes: "bytes", time: "time" };
const state = { given: new Map(), metric: "macs", device: 0, path: "" };

class Network {
  constructor(data, functions) {
    Object.assign(this, { data, functions, rows: layersOf(data), values: null, why: [] });
    this.tree = treeOf(data, this.rows);
    const narrow = new Set(Object.values(data.narrower).flat());
    this.general = data.conditions.map((_, n) => n).filter((n) => !narrow.has(n));
  }

  // count at what is given; `why` says what is wrong where it can't be
  count(given) {
    this.values = null;
    this.why = [];
    const args = this.data.names.map((name) => {
      const parameter = this.data.parameters.find((one) => one.name === name), value = read(given.get(name), parameter.whole);
      if (value === null) this.why.push(`${name} is a ${parameter.whole ? "whole " : ""}number`);
      return value;
    });
    if (this.why.length) return;
    const holds = this.functions.holds(...args).map((test) => { try { return test(); } catch { return false; } });
    this.holds = holds;
    this.why = this.general.filter((n) => !holds[n]).map((n) => this.data.conditions[n]);
    if (this.why.length) return;
    try { this.values = this.functions.values(...args); } catch (error) { this.why = [error.message]; }
  }

  at(position) { return this.values === null || position === undefined || position < 0 ? null : this.values[position]; }
  text(template) { return template.map((part) => (typeof part === "number" ? (this.values ? plain(this.at(part)) : "–") : part)).join(""); }
  isKnown(figure) { return (this.data.narrower[figure] ?? []).every((n) => this.holds?.[n]); }
  total(name) { return this.isKnown(name) ? this.at(this.data.totals[name]) : null; }
}
const plain = (x) => ($d(x) === 1n ? String($n(x)) : String(number(x)));
const shownTotal = (name, x) => (x === null ? "–" : IN_BYTES.has(name) ? bytes(x) : name.startsWith("depth") || name === "layers" ? exact(x) : count(x));

const networks = DATA.networks.map((data, n) => new Network(data, FUNCTIONS[n]));
const head = networks[networks.length - 1], base = networks.length > 1 ? networks[0] : null;

// ---- parameters ----
function parameters() {
  const found = new Map();
  for (const net of networks) for (const one of net.data.parameters) if (!found.has(one.name) || (one.whole !== undefined && found.get(one.name).whole === undefined)) found.set(one.name, one);
  return [...found.values()];
}

// a value that can't be moved, of both networks where they differ
function settled(name) {
  const values = networks.map((net) => {
    const one = net.data.parameters.find((each) => each.name === name);
    if (one === undefined) return "none";
    if (one.whole !== undefined) return state.given.get(name) ?? one.value;
    return one.form === undefined ? one.value : net.values ? plain(net.at(one.form)) : "–";
  });
  return [...new Set(values)].join(" → ");
}

function slider(one) {
  const value = Number(one.value), step = one.step || 0.05;
  const low = one.low !== "" ? Number(one.low) : 0, high = one.high !== "" ? Number(one.high) : Math.max(value * 2, low + 20 * step);
  return html("input", { type: "range", min: Math.min(low, value), max: high, step: one.step || "any", value: one.value, "aria-label": `${one.name}, slider`, "data-name": one.name });
}

function control(one) {
  if (one.whole === undefined) {
    const output = html("output", { "data-settled": one.name }, settled(one.name));
    return html("div", { class: "fixed", title: one.form === undefined ? "decides the structure: give it with --set" : "follows from the others" }, html("span", { class: "label" }, one.name), output);
  }
  const id = `p-${one.name}`, change = (text) => { state.given.set(one.name, text); refresh(); };
  const field = one.choices
    ? html("select", { id, "data-name": one.name }, ...one.choices.map((choice) => html("option", { value: choice, selected: choice === one.value }, choice)))
    : html("input", { id, type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false", value: one.value, "data-name": one.name });
  field.addEventListener("input", () => { change(field.value); if (range && read(field.value, one.whole) !== null) range.value = field.value; });
  const range = one.choices ? null : slider(one);
  range?.addEventListener("input", () => {
    field.value = one.whole ? range.value : String(Math.round(Number(range.value) * 100) / 100);
    change(field.value);
  });
  const label = html("label", { for: id, class: "label", title: one.help ?? null }, one.name);
  return html("div", { class: "control" }, label, field, ...(range ? [range] : []), ...(one.help ? [html("small", {}, one.help)] : []));
}

function begin() {
  const all = parameters(), asked = new URLSearchParams(location.hash.slice(1));
  for (const one of all) if (one.whole !== undefined) state.given.set(one.name, asked.get(one.name) ?? one.value);
  const free = all.filter((one) => one.whole !== undefined), fixed = all.filter((one) => one.whole === undefined);
  byId("controls").replaceChildren(...free.map(control), ...fixed.map(control));
  for (const field of byId("controls").querySelectorAll("[data-name]")) field.value = state.given.get(field.dataset.name);
  byId("reset").addEventListener("click", () => { history.replaceState(null, "", location.pathname + location.search); location.hash ? (location.hash = "") : 0; for (const one of free) state.given.set(one.name, one.value); for (const field of byId("controls").querySelectorAll("[data-name]")) field.value = state.given.get(field.dataset.name); refresh(); });
}

// ---- what follows ----
function changed() {
  return parameters().filter((one) => one.whole !== undefined && state.given.get(one.name) !== one.value);
}

function told() {
  const why = networks.flatMap((net) => net.why.map((text) => (base ? `${net.data.name}: ${text}` : text)));
  byId("status").textContent = why.length ? `Nothing is counted here. It holds where: ${why.join("; ")}` : "";
  document.body.classList.toggle("outside", why.length > 0);
  const words = changed().map((one) => `${one.name}=${state.given.get(one.name)}`);
  byId("command").textContent = ["archcalc", base ? "compare" : "count", ...DATA.commands, ...words.map((word) => (word.startsWith("batch=") ? `--${word.replace("=", " ")}` : `--set ${word}`))].join(" ");
  for (const note of document.querySelectorAll("[data-start]")) note.hidden = words.length === 0;
  for (const output of document.querySelectorAll("[data-settled]")) output.textContent = settled(output.dataset.settled);
  if (location.protocol !== "about:") history.replaceState(null, "", words.length ? `#${new URLSearchParams(changed().map((one) => [one.name, state.given.get(one.name)]))}` : location.pathname + location.search);
}

function totals() {
  const tiles = Object.keys(DATA.titles).filter((name) => networks.some((net) => net.data.totals[name] !== undefined)).map((name) => {
    const value = head.total(name), before = base?.total(name) ?? null;
    const said = html("dd", { "data-total": name, "data-value": value === null ? "" : plain(value) }, shownTotal(name, value));
    const below = base ? (before === null || value === null ? "" : `${shownTotal(name, before)} before, ${$same(value, before) ? "as it was" : signed($sub(value, before), (x) => shownTotal(name, x))}`) : value === null || !(IN_BYTES.has(name) || number(value) >= 1000) ? "" : `${exact(value)}${IN_BYTES.has(name) ? " B" : ""}`;
    return html("div", {}, html("dt", {}, DATA.titles[name]), said, html("dd", { class: "exact" }, below));
  });
  const last = head.data.last, known = head.values && head.isKnown("field");
  if (last.length) tiles.push(html("div", {}, html("dt", {}, "field"), html("dd", { "data-total": "field", "data-value": known ? head.text(last[1]) : "" }, known ? head.text(last[1]) : "–"), html("dd", { class: "exact" }, `at ${last[0]}${known && last[2].length ? `, stride ${head.text(last[2])}` : ""}`)));
  byId("totals").replaceChildren(...tiles);
  byId("input").textContent = head.data.input.map((shape) => head.text(shape)).join(", ");
}

// ---- areas ----
const time = (net, row) => {
  const device = DATA.devices[state.device], macs = net.at(row.leastMacs), moved = net.at(row.leastBytes);
  return macs === null || moved === null || !device ? 0 : Math.max(number(macs) / device.macs, number(moved) / device.bytes) / 1e6;
};
const amount = (net, rows) => (state.metric === "time" ? rows.reduce((total, row) => total + time(net, row), 0) : number(sum(net, rows, state.metric)));
const written = (net, rows) => (state.metric === "time" ? `${milliseconds(amount(net, rows))} ms at least` : state.metric === "bytes" ? bytes(sum(net, rows, "bytes")) : `${exact(sum(net, rows, state.metric))} ${MAPS[state.metric]}`);

function areas() {
  const whole = amount(head, head.tree.rows);
  const inside = (node) => (node.children.length === 1 && node.children[0].children.length ? inside(node.children[0]) : node.children);
  const shown = (node, depth) => {
    const value = amount(head, node.rows);
    const said = `${whole ? ((value / whole) * 100).toFixed(1) : 0} %`;
    return { name: node.name, path: node.path, value, said, title: `${node.path.trim()}\n${node.text}\n${written(head, node.rows)}, ${said}`, children: depth ? inside(node).map((inner) => shown(inner, depth - 1)) : node.children.length ? [] : undefined };
  };
  let node = head.tree;
  for (const part of state.path ? state.path.split("/") : []) node = node.byName?.get(part) ?? node;
  const nodes = (node.children.length ? inside(node) : [node]).map((inner) => shown(inner, 1));
  treemap(byId("areas"), nodes, whole, `Areas: ${MAPS[state.metric]} of ${node.path || head.data.name}`, (opened) => { if (!opened.path.endsWith("\n")) { state.path = opened.path; areas(); byId("up").focus(); } });
  byId("where").textContent = `${node.path || head.data.name}: ${written(head, node.rows)}`;
  byId("up").hidden = !state.path;
}

// ---- what changed ----
const under = (net, path) => (path === null ? [] : net.rows.filter((row) => row.line === path || row.line.startsWith(`${path}/`)));

function changes() {
  const metric = state.metric === "time" ? "macs" : state.metric, shown = metric === "bytes" ? bytes : count;
  const rows = DATA.changes.map(([status, path, text, before, after]) => {
    const [was, is] = [sum(base, under(base, before), metric), sum(head, under(head, after), metric)];
    return { status, path, text, was, is, delta: was === null || is === null ? 0n : $sub(is, was) };
  });
  const whole = $sub(sum(head, head.rows, metric) ?? 0n, sum(base, base.rows, metric) ?? 0n), rest = rows.reduce((left, row) => $sub(left, row.delta), whole);
  if (!$same(rest, 0n)) rows.push({ status: "changed", path: "all others", text: "", was: null, is: null, delta: rest });
  const nodes = rows.map((row) => ({ name: row.path, value: Math.abs(number(row.delta)), said: signed(row.delta, shown), kind: negative(row.delta) ? "less" : "more", title: `${row.path}: ${row.status}\n${row.text}\n${signed(row.delta, metric === "bytes" ? bytes : exact)} ${metric === "bytes" ? "" : MAPS[metric]}` }));
  treemap(byId("areas"), nodes, 0, `Areas: how much ${MAPS[metric]} changed`, () => {});
  byId("where").textContent = `${signed(whole, shown)} ${metric === "bytes" ? "moved" : MAPS[metric]} altogether`;
  const line = (row) => html("tr", {}, html("th", { scope: "row", class: "name" }, row.path), html("td", { class: "text" }, row.status), html("td", { class: "text wide" }, row.text), html("td", {}, row.was === null ? "" : shown(row.was)), html("td", {}, row.is === null ? "" : shown(row.is)), html("td", {}, signed(row.delta, shown)));
  const titles = [["layer", "name"], ["", "text"], ["operation", "text wide"], ["before", ""], ["after", ""], ["change", ""]];
  byId("layers").replaceChildren(html("table", { class: "layers" }, html("thead", {}, html("tr", {}, ...titles.map(([title, kind]) => html("th", { scope: "col", class: kind }, title)))), html("tbody", {}, ...rows.map(line))));
}

// ---- the other charts ----
function charts() {
  const alive = head.rows.filter((row) => row.alive >= 0).map((row) => ({ name: row.name, top: row.top, value: number(head.at(row.alive)), said: bytes(head.at(row.alive)) }));
  byId("memory-part").hidden = alive.length === 0;
  if (alive.length) memory(byId("memory"), alive, `Bytes alive while each layer runs, ${shownTotal("act_peak_bytes", head.total("act_peak_bytes"))} at most`, alive.length === head.rows.length);
  byId("repeats").hidden = alive.length === head.rows.length;
  byId("repeats").textContent = `Layers inside of repeats, whose number is free, are not drawn; ${shownTotal("act_peak_bytes", head.total("act_peak_bytes"))} are alive at most, with them.`;
  const sees = head.rows.filter((row) => row.span >= 0).map((row) => ({ name: row.name, top: row.top, value: number(head.at(row.span)), said: head.text(row.field) }));
  byId("field-part").hidden = sees.length === 0;
  if (sees.length) growth(byId("field"), sees, Math.max(0, ...head.data.sizes.map((n) => number(head.at(n)))), "The receptive field from layer to layer");
  const device = DATA.devices[state.device];
  byId("roof-part").hidden = !device;
  if (!device) return;
  const works = head.rows.map((row) => ({ name: row.name, flops: 2 * number(head.at(row.macs)) + number(head.at(row.elementwise)), bytes: number(head.at(row.bytes)) })).filter((row) => row.flops > 0 && row.bytes > 0);
  roofline(byId("roof"), works, device, `Layers under the roof of ${device.name}`);
  byId("bound").textContent = `${milliseconds(head.rows.reduce((total, row) => total + time(head, row), 0))} ms at least on this device, in ${head.data.dtype}. ${device.source}`;
}

let table = null;
function refresh() {
  for (const net of networks) net.count(state.given);
  told();
  totals();
  if (networks.some((net) => net.values === null)) return;
  if (base) changes();
  else { areas(); charts(); table.show(); }
}

function start() {
  begin();
  for (const name of Object.keys(MAPS)) {
    if (name === "time" && (base || !DATA.devices.length)) continue;
    const radio = html("input", { type: "radio", name: "metric", value: name, checked: name === state.metric, onchange: () => { state.metric = name; base ? changes() : areas(); } });
    byId("metrics").append(html("label", {}, radio, html("span", {}, MAPS[name])));
  }
  for (const picker of document.querySelectorAll("select.device")) {
    picker.append(...DATA.devices.map((device, n) => html("option", { value: n }, device.name)));
    picker.addEventListener("change", () => { state.device = Number(picker.value); for (const other of document.querySelectorAll("select.device")) other.value = picker.value; if (head.values) { areas(); charts(); } });
  }
  byId("up")?.addEventListener("click", () => { state.path = state.path.split("/").slice(0, -1).join("/"); areas(); });
  const towards = () => {  // the boxes of a drawing that is wider than the page: they begin in its middle
    for (const drawing of document.querySelectorAll(".drawing")) {
      const begins = [...drawing.querySelectorAll("rect")].filter((rect) => rect.querySelector("title")).map((rect) => rect.getBoundingClientRect().left);
      if (begins.length) drawing.scrollLeft += Math.min(...begins) - drawing.getBoundingClientRect().left - 8;
    }
  };
  for (const picker of document.querySelectorAll("select.depth")) picker.addEventListener("change", () => { for (const drawing of picker.closest("section").querySelectorAll(".drawing")) drawing.hidden = drawing.dataset.depth !== picker.value; towards(); });
  if (!base) {
    table = new LayerTable(byId("layers"), head, head.tree);
    byId("filter").addEventListener("input", (event) => { table.filter = event.target.value.trim().toLowerCase(); table.show(); });
    byId("open").addEventListener("click", () => table.openAll(true));
    byId("fold").addEventListener("click", () => table.openAll(false));
  }
  refresh();
  towards();
  addEventListener("hashchange", () => { const asked = new URLSearchParams(location.hash.slice(1)); for (const [name, value] of asked) if (state.given.has(name)) state.given.set(name, value); for (const field of byId("controls").querySelectorAll("[data-name]")) field.value = state.given.get(field.dataset.name); refresh(); });
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width && head.values) { width = innerWidth; base ? changes() : areas(); } });
}
start();
