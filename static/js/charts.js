// Draws the table of each `[data-chart]` with uPlot: what a chart shows stands in the page.

const SIZE = 240;
const drawn = new Map();
const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);

// a canvas does not know custom properties
function colour(name) {
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}

function read(section) {
  const rows = [...section.querySelectorAll("tbody tr")].filter((row) =>
    row.querySelector("[data-value]"),
  );
  return {
    names: [...section.querySelectorAll("thead th")].slice(1).map((head) => head.textContent),
    labels: rows.map((row) => row.querySelector("th").textContent),
    series: [...(rows[0]?.querySelectorAll("[data-value]") ?? [])].map((_cell, index) =>
      rows.map((row) => Number(row.querySelectorAll("[data-value]")[index].dataset.value)),
    ),
  };
}

function options(section, { names, labels }, width) {
  const isBars = section.dataset.shape === "bars";
  const font = '13px "Instrument Sans", system-ui';
  const axis = { stroke: colour("--ink-2"), font, ticks: { show: false } };
  const grid = { stroke: colour("--line"), width: 1 };
  const inks = ["--ink", "--control"].map(colour);
  const bars = (index) =>
    uPlot.paths.bars(names.length > 1 ? { size: [0.3, 36], align: index ? 1 : -1 } : { size: [0.6, 36] });
  const last = labels.length - 1;
  return {
    width,
    height: SIZE,
    padding: [12, 14, 0, 0],
    cursor: { y: false },
    legend: { show: false },
    scales: {
      x: { time: false, range: (_plot, least, most) => (isBars ? [least - 0.6, most + 0.6] : [least, most]) },
      y: { range: (_plot, _least, most) => [0, Math.max(1, most * 1.15)] },
    },
    axes: [
      {
        ...axis,
        grid: { ...grid, show: !isBars },
        // words side by side need more room than a phone has
        ...(isBars && names.length > 1 && width < 440 ? { rotate: -35, size: 64 } : { size: 34 }),
        gap: 8,
        space: isBars && names.length > 1 ? 30 : 64,
        incrs: [1, 2, 3, 5, 10, 15, 20],
        values: (_plot, places) => places.map((place) => labels[place] ?? ""),
      },
      { ...axis, grid, size: 46 },
    ],
    series: [
      {},
      ...names.map((label, index) => ({
        label,
        stroke: inks[index],
        width: 2,
        ...(isBars
          ? { fill: inks[index], width: 0, paths: bars(index), points: { show: false } }
          : {
              points: {
                show: true,
                size: 11,
                width: 2,
                fill: colour("--live"),
                stroke: colour("--surface"),
                filter: () => [last],
              },
            }),
      })),
    ],
  };
}

function draw(section) {
  const canvas = section.querySelector("[data-canvas]");
  const told = read(section);
  drawn.get(canvas)?.destroy();
  drawn.delete(canvas);
  if (!told.labels.length || !canvas.clientWidth) return;
  const data = [told.labels.map((_label, index) => index), ...told.series];
  drawn.set(canvas, new uPlot(options(section, told, canvas.clientWidth), data, canvas));
}

export function drawAll() {
  for (const [canvas, plot] of drawn)
    if (!canvas.isConnected) {
      plot.destroy();
      drawn.delete(canvas);
    }
  for (const section of document.querySelectorAll("[data-chart]")) draw(section);
}

let width = innerWidth;
addEventListener("resize", () => {
  if (width === innerWidth) return;
  width = innerWidth;
  drawAll();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-theme"] });
document.fonts.ready.then(drawAll);
