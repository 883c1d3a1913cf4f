// Numbers as `archcalc count` writes them. A value is a BigInt, or {n, d} where it isn't whole.
const SI = ["", "k", "M", "G", "T", "P", "E"];
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

const commas = (text) => text.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
const number = (x) => (x === null ? 0 : Number($n(x)) / Number($d(x)));
const negative = (x) => $n(x) < 0n;

// n/d times ten to the power of `digits`, to the nearest whole number, halves to the even one
function rounded(n, d, digits) {
  const top = n * 10n ** BigInt(digits), low = top / d, twice = 2n * (top % d);
  return twice > d || (twice === d && low % 2n) ? low + 1n : low;
}

function decimal(n, d, digits) {
  const text = String(rounded(n, d, digits)).padStart(digits + 1, "0");
  return digits ? `${text.slice(0, -digits)}.${text.slice(-digits)}` : text;
}

// three significant digits and a unit; whole numbers below the first unit are exact
function scaled(x, base, units) {
  let n = $n(x), d = $d(x), step = 0;
  const sign = n < 0n ? "-" : "";
  n = n < 0n ? -n : n;
  if (n < base * d) return [sign + (d === 1n ? String(n) : String(Number((Number(n) / Number(d)).toPrecision(3)))), units[0]];
  const digits = () => (rounded(n, d, 2) < 1000n ? 2 : rounded(n, d, 1) < 1000n ? 1 : 0);
  const up = () => { d *= base; step += 1; };
  while (n >= base * d && step < units.length - 1) up();
  if (rounded(n, d, digits()) >= base * 10n ** BigInt(digits()) && step < units.length - 1) up();
  return [sign + decimal(n, d, digits()), units[step]];
}

const count = (x) => (x === null ? "" : scaled(x, 1000n, SI).join(""));
const bytes = (x) => (x === null ? "" : scaled(x, 1024n, BINARY).join(" "));
const exact = (x) => (x === null ? "" : $d(x) === 1n ? (negative(x) ? "-" : "") + commas(String(negative(x) ? -x : x)) : number(x).toFixed(2));
const signed = (x, shown) => (x === null ? "" : (negative(x) || $same(x, 0n) ? "" : "+") + shown(x));
const share = (part, whole) => (part === null || whole === null || $same(whole, 0n) ? "" : ((number(part) / number(whole)) * 100).toFixed(1));
const milliseconds = (x) => (x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x >= 1 ? x.toFixed(2) : `${Number(x.toPrecision(3))}`);
const significant = (x) => (x >= 1000 ? commas(x.toFixed(0)) : String(Number(x.toPrecision(3))));

// what is typed into a field: 224, 0.75; null for anything else
function read(text, whole) {
  const found = /^\s*(-?)(\d{1,40})(?:\.(\d{1,20}))?\s*$/.exec(text);
  if (!found || (whole && found[3])) return null;
  const [, sign, left, right = ""] = found;
  const value = $q(BigInt(left + right), 10n ** BigInt(right.length));
  return sign ? $mul(-1n, value) : value;
}
