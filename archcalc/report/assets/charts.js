// Charts as SVG, in the classes of the pictures that archcalc draws itself.
const SVG = "http://www.w3.org/2000/svg";
const STEPS = [0.01, 0.05, 0.1, 0.2, 0.4];
const step = (part, whole) => (whole > 0 ? STEPS.filter((least) => part / whole >= least).length : 0);

function drawn(tag, values = {}, ...inside) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(values)) element.setAttribute(name, typeof value === "number" ? String(Math.round(value * 10) / 10) : value);
  element.append(...inside);
  return element;
}
const titled = (text) => drawn("title", {}, text);

function canvas(host, wide, high, label) {
  const svg = drawn("svg", { viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": label, class: "chart" });
  host.replaceChildren(svg);
  return svg;
}

// as much of a text as has room, in letters of 11 pixels
function cut(text, room) {
  const most = Math.floor(room / 6.3);
  return text.length <= most ? text : most >= 4 ? `${text.slice(0, most - 1).trimEnd()}…` : "";
}

function squarified(values, place) {
  const found = [];
  let total = values.reduce((a, b) => a + b, 0), at = 0, { x, y, w, h } = place;
  while (at < values.length && total > 0) {
    const short = Math.min(w, h), area = w * h;
    let best = 0, worst = Infinity, sum = 0;
    for (let n = at; n < values.length; n += 1) {
      sum += (values[n] / total) * area;
      const thick = sum / short;
      const ratio = Math.max(...[values[at], values[n]].map((v) => {
        const size = (v / total) * area;
        return Math.max((thick * thick) / size, size / (thick * thick));
      }));
      if (n > at && ratio > worst) break;
      worst = ratio;
      best = n - at + 1;
    }
    const row = values.slice(at, at + best), part = row.reduce((a, b) => a + b, 0), thick = part / total;
    let edge = 0;
    for (const value of row) {
      const long = value / part;
      found.push(w >= h ? { x, y: y + edge * h, w: thick * w, h: long * h } : { x: x + edge * w, y, w: long * w, h: thick * h });
      edge += long;
    }
    if (w >= h) { x += thick * w; w -= thick * w; } else { y += thick * h; h -= thick * h; }
    total -= part;
    at += best;
  }
  return found;
}

// nodes are {name, value, title, kind, children}; `enter` is called for one that is opened
function treemap(host, nodes, whole, label, enter) {
  const wide = Math.max(host.clientWidth || 760, 300), high = wide < 520 ? 420 : 460;
  const svg = canvas(host, wide, high, label);
  svg.setAttribute("role", "group");
  const largest = (list) => list.filter((node) => node.value > 0).sort((a, b) => b.value - a.value);
  const cell = (node, { x, y, w, h }, into) => {
    into.append(drawn("rect", { class: node.kind ?? `s${step(node.value, whole)}`, x, y, width: w, height: h }, titled(node.title)));
    const shown = h >= 18 ? cut(node.name, w - 8) : "";
    if (shown) into.append(drawn("text", { x: x + 4, y: y + 13 }, shown));
    if (shown && h >= 32 && node.said.length * 6.3 <= w - 8) into.append(drawn("text", { x: x + 4, y: y + 27 }, node.said));
  };
  const outer = largest(nodes);
  squarified(outer.map((node) => node.value), { x: 1, y: 1, w: wide - 2, h: high - 2 }).forEach((place, n) => {
    const node = outer[n], inner = largest(node.children ?? []);
    const group = drawn("g", node.children?.length ? { tabindex: "0", role: "button", "aria-label": `${node.title.replaceAll("\n", ", ")}; open` } : {});
    svg.append(group);
    if (inner.length > 1 && place.w > 60 && place.h > 52) {
      group.append(drawn("rect", { class: "frame", x: place.x, y: place.y, width: place.w, height: place.h }, titled(node.title)));
      group.append(drawn("text", { x: place.x + 5, y: place.y + 13, "font-weight": "bold" }, cut(`${node.name} ${node.said}`, place.w - 10) || cut(node.name, place.w - 10)));
      const room = { x: place.x + 3, y: place.y + 18, w: place.w - 6, h: place.h - 21 };
      squarified(inner.map((child) => child.value), room).forEach((spot, k) => cell(inner[k], spot, group));
    } else cell(node, place, group);
    if (node.children?.length) {
      group.addEventListener("click", () => enter(node));
      group.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); enter(node); } });
    }
  });
}

const WIDE = 760, HIGH = 320, LEFT = 74, RIGHT = WIDE - 14, TOP = 28, BOTTOM = HIGH - 40;
const across = (part) => LEFT + Math.min(Math.max(part, 0), 1) * (RIGHT - LEFT);
const up = (part) => BOTTOM - Math.min(Math.max(part, 0), 1) * (BOTTOM - TOP);

function axes(svg, titles, ticks) {
  svg.append(drawn("path", { class: "line", d: `M${LEFT} ${TOP} V${BOTTOM} H${RIGHT}` }));
  for (const [at, text] of ticks.up) {
    svg.append(drawn("path", { class: "line grid", d: `M${LEFT} ${up(at)} H${RIGHT}` }));
    svg.append(drawn("text", { x: LEFT - 7, y: up(at) + 4, "text-anchor": "end", class: "faint" }, text));
  }
  for (const [at, text] of ticks.across) svg.append(drawn("text", { x: across(at), y: BOTTOM + 16, "text-anchor": "middle", class: "faint" }, text));
  svg.append(drawn("text", { x: (LEFT + RIGHT) / 2, y: HIGH - 6, "text-anchor": "middle", class: "faint" }, titles.across));
  svg.append(drawn("text", { x: 8, y: 14, class: "faint" }, titles.up));
}

function linear(most, unit, shown) {
  const rough = most / unit / 5, power = 10 ** Math.floor(Math.log10(rough || 1));
  const every = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  const ticks = [];
  for (let k = 0; k * every <= (most / unit) * 1.0001; k += 1) ticks.push([(k * every * unit) / most, shown(k * every * unit)]);
  return ticks;
}

function names(rows) {
  const ticks = [];
  let end = -1;
  rows.forEach((row, n) => {
    const name = cut(row.top, 90), at = (n + 0.5) / rows.length, half = (name.length * 6.3) / 2;
    if (name && row.top !== rows[n - 1]?.top && across(at) - half > end && across(at) + half < WIDE) {
      ticks.push([at, name]);
      end = across(at) + half + 8;
    }
  });
  return ticks;
}

// bytes alive while each layer runs; rows are {name, top, value}
function memory(host, rows, title, isWhole) {
  const largest = rows.reduce((a, b) => (b.value > a.value ? b : a), rows[0]), most = largest.value * 1.15 || 1;
  const svg = canvas(host, WIDE, HIGH, title), unit = 1024 ** Math.max(0, Math.floor(Math.log(most) / Math.log(1024)));
  axes(svg, { across: "layers, in the order in which they run", up: "activations alive" }, { across: names(rows), up: linear(most, unit, (x) => bytes(BigInt(Math.round(x)))) });
  const steps = rows.map((row, n) => `${across(n / rows.length).toFixed(1)} ${up(row.value / most).toFixed(1)} H${across((n + 1) / rows.length).toFixed(1)}`);
  svg.append(drawn("path", { class: "area", d: `M${LEFT} ${BOTTOM} L${steps.join(" L")} V${BOTTOM} Z` }));
  svg.append(drawn("path", { class: "curve", d: `M${steps.join(" L")}` }));
  rows.forEach((row, n) => svg.append(drawn("rect", { class: "ghost", x: across(n / rows.length), y: TOP, width: (RIGHT - LEFT) / rows.length, height: BOTTOM - TOP }, titled(`${row.name}\n${row.said}`))));
  if (!isWhole) return;
  const at = rows.indexOf(largest), x = across((at + 0.5) / rows.length);
  svg.append(drawn("circle", { class: "mark", cx: x, cy: up(largest.value / most), r: 4 }, titled(`${largest.name}\n${largest.said}`)));
  svg.append(drawn("text", { x: x > WIDE / 2 ? x - 9 : x + 9, y: up(largest.value / most) - 7, "text-anchor": x > WIDE / 2 ? "end" : "start" }, cut(`peak ${largest.said} at ${largest.name}`, WIDE / 2)));
}

// the window that each layer sees of the input, whose size is a line
function growth(host, rows, size, title) {
  const most = Math.max(size, ...rows.map((row) => row.value)) * 1.12 || 1, svg = canvas(host, WIDE, HIGH, title);
  axes(svg, { across: "layers, in the order in which they stand", up: "receptive field" }, { across: names(rows), up: linear(most, 1, (x) => significant(x)) });
  if (size) {
    svg.append(drawn("path", { class: "limit", d: `M${LEFT} ${up(size / most)} H${RIGHT}` }));
    svg.append(drawn("text", { x: LEFT + 8, y: up(size / most) - 6 }, `the input: ${commas(String(size))}`));
  }
  const points = rows.map((row, n) => [across((n + 0.5) / rows.length), up(row.value / most)]);
  svg.append(drawn("path", { class: "curve", d: `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join(" L")}` }));
  points.forEach(([cx, cy], n) => svg.append(drawn("circle", { class: "mark", cx, cy, r: rows.length > 120 ? 2 : 3 }, titled(`${rows[n].name}\nsees ${rows[n].said}`))));
}

// layers by FLOPs a byte under the roof of a device; rows are {name, flops, bytes}
function roofline(host, rows, device, title) {
  const peak = 2 * device.macs, rate = device.bytes, points = rows.map((row) => ({ ...row, x: row.flops / row.bytes })).map((row) => ({ ...row, y: Math.min(peak, rate * row.x) }));
  const decades = (values) => [Math.floor(Math.log10(Math.min(...values)) - 0.05), Math.floor(Math.log10(Math.max(...values)) + 0.05) + 1];
  const [left, right] = decades([...points.map((p) => p.x), peak / rate]), [low, high] = decades([...points.map((p) => p.y), peak * 2]);
  const x = (value) => (Math.log10(value) - left) / (right - left), y = (value) => (Math.log10(value) - low) / (high - low);
  const ticks = (from, to, shown) => Array.from({ length: to - from + 1 }, (_, k) => [k / (to - from), shown(10 ** (from + k))]);
  const short = (value) => (value >= 1 ? count(BigInt(Math.round(value))) : String(Number(value.toPrecision(1)))), svg = canvas(host, WIDE, HIGH, title);
  axes(svg, { across: "FLOPs a byte moved", up: "GFLOP/s at most" }, { across: ticks(left, right, short), up: ticks(low, high, short) });
  const foot = Math.max(10 ** left, 10 ** low / rate);
  svg.append(drawn("path", { class: "limit", d: `M${across(x(foot)).toFixed(1)} ${up(y(foot * rate)).toFixed(1)} L${across(x(peak / rate)).toFixed(1)} ${up(y(peak)).toFixed(1)} H${RIGHT}` }));
  svg.append(drawn("text", { x: RIGHT, y: up(y(peak)) - 20, "text-anchor": "end" }, `${device.name}: ${short(peak)} GFLOP/s, ${short(rate)} GB/s`));
  const total = points.reduce((sum, point) => sum + point.flops, 0);
  for (const point of points.sort((a, b) => b.flops - a.flops)) {
    const bound = rate * point.x < peak ? "memory" : "arithmetic";
    svg.append(drawn("circle", { class: "dot", cx: across(x(point.x)), cy: up(y(point.y)), r: 3 + 12 * Math.sqrt(point.flops / total) }, titled(`${point.name}\n${significant(point.x)} FLOPs a byte, bound by ${bound}\n${((point.flops / total) * 100).toFixed(1)} % of the FLOPs`)));
  }
}
