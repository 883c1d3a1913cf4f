// The layers of a network as a tree, with sums; and the table that shows it.
const COLUMNS = ["params", "macs", "elementwise", "activations", "weights", "bytes"];

function layersOf(data) {
  return data.rows.map((row, n) => {
    const [name, line, op, text, shape, field, span, layers, ...figures] = row;
    const found = { n, name, line, op, text, shape, field, span, layers, top: line.split("/")[0] };
    [...COLUMNS, "alive", "leastMacs", "leastBytes"].forEach((column, k) => { found[column] = figures[k]; });
    return found;
  });
}

// a node a group, a line or a layer: {name, path, rows, children, text, shape, field}
function treeOf(data, rows) {
  const root = { name: data.name, path: "", rows, children: [], byName: new Map() };
  const child = (node, name, path) => {
    if (!node.byName.has(name)) {
      const made = { name, path, rows: [], children: [], byName: new Map() };
      node.byName.set(name, made);
      node.children.push(made);
    }
    return node.byName.get(name);
  };
  for (const row of rows) {
    let node = root, path = "";
    for (const part of row.line.split("/")) {
      path = path ? `${path}/${part}` : part;
      node = child(node, part, path);
      node.rows.push(row);
    }
    if (row.name !== row.line) child(node, row.name.startsWith(row.line) ? row.name.slice(row.line.length) || row.name : row.name, `${row.name}\n`).rows.push(row);
  }
  const finished = (node) => {
    // a line that is one operator and what it adds begins with the operator itself
    const group = data.groups[node.path], first = node.rows[0], last = node.rows[node.rows.length - 1];
    if (node.children.length && !group && node.rows.length > node.children.reduce((sum, inner) => sum + inner.rows.length, 0)) {
      const own = { name: first.op, path: `${node.path}\n`, rows: node.rows.filter((row) => row.name === node.path), children: [] };
      node.children.unshift(own);
    }
    node.text = group ? group[0] : node.rows.map((row) => row.text).slice(0, 6).join(", ");
    node.shape = group ? group[1] : last?.shape ?? [];
    node.field = group ? group[2] : last?.field ?? [];
    node.children.forEach(finished);
  };
  root.children.forEach(finished);
  return root;
}

function sum(net, rows, column) {
  let total = 0n;
  for (const row of rows) {
    const value = net.at(row[column]);
    if (value === null) return null;
    total = $add(total, value);
  }
  return total;
}
const most = (net, rows, column) => rows.reduce((best, row) => {
  const value = net.at(row[column]);
  return value !== null && (best === null || $less(best, value)) ? value : best;
}, null);

const SHOWN = [
  ["layer", (net, node) => node.name, (net, node) => node.rows[0].n, "name"],
  ["operation", (net, node) => node.text, (net, node) => node.text, "text wide"],
  ["output", (net, node) => net.text(node.shape), (net, node) => node.rows[0].n, ""],
  ["params", (net, node) => count(sum(net, node.rows, "params")), (net, node) => number(sum(net, node.rows, "params")), "", "params"],
  ["MACs", (net, node) => count(sum(net, node.rows, "macs")), (net, node) => number(sum(net, node.rows, "macs")), "", "macs"],
  ["%", (net, node) => share(sum(net, node.rows, "macs"), net.total("macs")), (net, node) => number(sum(net, node.rows, "macs")), "wide"],
  ["weights", (net, node) => bytes(sum(net, node.rows, "weights")), (net, node) => number(sum(net, node.rows, "weights")), "wide", "weights"],
  ["alive", (net, node) => bytes(most(net, node.rows, "alive")), (net, node) => number(most(net, node.rows, "alive")), "wide"],
  ["field", (net, node) => net.text(node.field), (net, node) => number(most(net, node.rows, "span")), ""],
];

function html(tag, values = {}, ...inside) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(values)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...inside);
  return element;
}

class LayerTable {
  constructor(host, net, tree) {
    Object.assign(this, { host, net, tree, opened: new Set(), sorted: null, rising: false, filter: "" });
    this.body = html("tbody");
    this.heads = SHOWN.map(([title, , , kind], n) => {
      const button = html("button", { type: "button", onclick: () => this.sort(n) }, title);
      return html("th", { scope: "col", class: kind, "aria-sort": "none" }, button);
    });
    host.replaceChildren(html("table", { class: "layers" }, html("thead", {}, html("tr", {}, ...this.heads)), this.body, (this.foot = html("tfoot"))));
  }

  sort(n) {
    this.rising = this.sorted === n ? !this.rising : n < 3;
    this.sorted = this.sorted === n && this.rising === !(n < 3) && this.turned ? null : n;
    this.turned = this.sorted === n;
    this.heads.forEach((head, k) => head.setAttribute("aria-sort", k !== this.sorted ? "none" : this.rising ? "ascending" : "descending"));
    this.show();
  }

  openAll(all) {
    this.opened.clear();
    const walk = (node) => { if (node.children.length) { this.opened.add(node.path); node.children.forEach(walk); } };
    if (all) this.tree.children.forEach(walk);
    this.show();
  }

  ordered(nodes) {
    if (this.sorted === null) return nodes;
    const key = SHOWN[this.sorted][2], sign = this.rising ? 1 : -1;
    const keyed = nodes.map((node) => [key(this.net, node), node]);
    return keyed.sort(([a], [b]) => (a < b ? -sign : a > b ? sign : 0)).map(([, node]) => node);
  }

  matches(node) {
    const said = `${node.path} ${node.text}`.toLowerCase();
    return said.includes(this.filter) || node.children.some((inner) => this.matches(inner));
  }

  show() {
    const rows = [];
    const walk = (nodes, level) => {
      for (const node of this.ordered(nodes)) {
        if (this.filter && !this.matches(node)) continue;
        rows.push(this.row(node, level));
        const isOpen = this.opened.has(node.path) || (this.filter && node.children.some((inner) => this.matches(inner)));
        if (isOpen && rows.length < 3000) walk(node.children, level + 1);
      }
    };
    walk(this.tree.children, 0);
    this.body.replaceChildren(...rows);
    const whole = SHOWN.map(([, , , kind, column], n) => html(n ? "td" : "th", { class: kind, ...(n ? {} : { scope: "row" }) }, n === 0 ? "total" : column ? (column === "weights" ? bytes : count)(sum(this.net, this.tree.rows, column)) : ""));
    this.foot.replaceChildren(html("tr", {}, ...whole));
  }

  row(node, level) {
    const cells = SHOWN.map(([, said, , kind, column], n) => {
      const title = column && column !== "weights" ? exact(sum(this.net, node.rows, column)) : n === 1 ? node.text : null;
      return n ? html("td", { class: kind, title }, said(this.net, node)) : this.label(node, level);
    });
    return html("tr", {}, ...cells);
  }

  label(node, level) {
    const times = node.rows.length === 1 && node.rows[0].layers >= 0 ? this.net.at(node.rows[0].layers) : 1n;
    const name = `${node.name}${times !== null && times !== 1n ? ` × ${exact(times)}` : ""}`, head = html("th", { scope: "row", class: `name l${Math.min(level, 6)}` });
    if (!node.children.length) head.append(html("span", { class: "leaf" }, name));
    else {
      const isOpen = this.opened.has(node.path);
      const toggle = () => { isOpen ? this.opened.delete(node.path) : this.opened.add(node.path); this.show(); [...this.body.querySelectorAll("button")].find((b) => b.dataset.path === node.path)?.focus(); };
      head.append(html("button", { type: "button", class: "fold", "aria-expanded": String(isOpen), "data-path": node.path, onclick: toggle }, name));
    }
    return head;
  }
}
