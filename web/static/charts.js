// Charts that can be touched, drawn from the tables beside them; without scripts the server's drawing or the table stays.
"use strict";

const style = getComputedStyle(document.body);
const color = (name) => style.getPropertyValue(name).trim();
const COLORS = [color("--green"), color("--peach")];
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

function figures(table) {
  const columns = [...table.tHead.rows[0].cells].map((cell, at) => ({ cell, at })).filter(({ cell }) => cell.hasAttribute("data-series"));
  const rows = [...table.tBodies[0].rows];
  return {
    labels: rows.map((row) => row.cells[0].textContent.trim()),
    series: columns.map(({ cell, at }) => ({
      name: cell.textContent.trim(),
      data: rows.map((row) => Number(row.cells[at].dataset.figure)),
      read: rows.map((row) => row.cells[at].textContent.trim()),
    })),
  };
}

function options(box, { labels, series }) {
  const size = parseFloat(getComputedStyle(document.documentElement).fontSize) * 0.875;
  const words = { color: color("--ink-2"), fontSize: size, fontFamily: style.fontFamily };
  const short = (value) => (box.dataset.money ? "¥" + Math.round(value / 100).toLocaleString("zh-CN") : String(value));
  const across = box.dataset.chart === "rows";
  const names = { type: "category", data: labels, inverse: across, axisLabel: { ...words, hideOverlap: true }, axisTick: { show: false } };
  const scale = { type: "value", minInterval: box.dataset.money ? 100 : 1, axisLabel: { ...words, formatter: short, hideOverlap: true }, splitLine: { lineStyle: { color: color("--line") } } };
  const read = (bars) => [bars[0].name, ...bars.map((bar) => `${bar.seriesName}  ${series[bar.seriesIndex].read[bar.dataIndex]}`)].join("\n");
  return {
    animation: !still,
    color: COLORS,
    textStyle: words,
    grid: { left: 4, right: 12, top: series.length > 1 ? size * 2.4 : 12, bottom: 4, containLabel: true },
    legend: series.length > 1 ? { top: 0, left: 0, textStyle: words } : undefined,
    tooltip: { trigger: "axis", renderMode: "richText", confine: true, axisPointer: { type: "shadow" }, textStyle: { fontSize: size }, formatter: read },
    xAxis: across ? scale : names,
    yAxis: across ? names : scale,
    series: series.map(({ name, data }) => ({ type: "bar", name, data, stack: "all", barMaxWidth: 36, itemStyle: { borderRadius: 4 } })),
  };
}

for (const box of document.querySelectorAll("[data-chart]")) {
  const instead = document.getElementById(box.dataset.instead);
  const found = figures(document.getElementById(box.dataset.of));
  if (found.labels.length < 2) continue; // one bar says no more than its figure
  if (box.dataset.chart === "rows") box.style.height = `${found.labels.length * 2 + 4}rem`;
  box.hidden = false;
  if (instead) instead.setAttribute("hidden", "");
  const chart = echarts.init(box, null, { renderer: "canvas" });
  chart.setOption(options(box, found));
  new ResizeObserver(() => chart.resize()).observe(box);
}
