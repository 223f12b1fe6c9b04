// Reads [{defaults, values}] on stdin and prints how Grafana shows each value: text, suffix and colour.
Object.defineProperty(globalThis, "navigator", { value: { language: "en-US", languages: ["en-US"], userAgent: "node" }, configurable: true });
const { createTheme, getDisplayProcessor, FieldType, fieldMatchers, getValueFormats, toDataFrame } = require("@grafana/data");

const theme = createTheme();
const input = JSON.parse(require("fs").readFileSync(0, "utf8"));
const numbers = { nan: NaN, null: null };

function shown({ defaults, values }) {
  const field = { name: "Value", type: FieldType.number, config: defaults, values: [] };
  const display = getDisplayProcessor({ field, theme });
  return values.map((value) => {
    const { text, prefix, suffix, color } = display(value in numbers ? numbers[value] : value);
    return { text: `${prefix ?? ""}${text}${suffix ?? ""}`, color };
  });
}

function matched({ options, names }) {
  const matches = fieldMatchers.get("byRegexp").get(options);
  const frame = toDataFrame({ fields: names.map((name) => ({ name, type: FieldType.number, values: [] })) });
  return frame.fields.filter((field) => matches(field, frame, [frame])).map((field) => field.name);
}

const units = getValueFormats().flatMap((group) => group.submenu.map((unit) => unit.value));
const colors = Object.fromEntries(["green", "yellow", "orange", "red", "blue"].map((name) => [name, theme.visualization.getColorByName(name)]));
console.log(JSON.stringify({ shown: input.shown.map(shown), matched: input.matched.map(matched), units, colors }));
