"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  // An A4 or Letter page inside its margins, in CSS pixels.
  const paperWidth = 660;
  // A finger that drags wants to scroll the page, not to select a range.
  const coarse = matchMedia("(pointer: coarse)").matches;
  const config = { displayModeBar: false, responsive: true, scrollZoom: false };

  const coloured = (value, style) => {
    if (typeof value === "string") {
      return value.replace(/var\((--[a-z-]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
    }
    if (Array.isArray(value)) {
      return value.length > 0 && typeof value[0] !== "object" ? value : value.map((one) => coloured(one, style));
    }
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, coloured(one, style)]));
    }
    return value;
  };

  const draw = (id, figure) => {
    const place = document.getElementById(id);
    if (!place || !figure) return;
    const root = document.documentElement;
    const ready = coloured(figure, getComputedStyle(root));
    if (root.classList.contains("printing")) ready.layout.width = paperWidth;
    ready.layout.dragmode = coarse ? false : "zoom";
    Plotly.react(place, ready.data, ready.layout, config);
  };

  const choice = document.getElementById("symbol");
  const drawPrice = () => choice && draw("chart-price", figures.prices[choice.value]);
  const drawAll = () => {
    draw("chart-equity", figures.equity);
    draw("chart-contribution", figures.contribution);
    drawPrice();
  };

  if (choice) choice.addEventListener("change", drawPrice);
  dark.addEventListener("change", drawAll);
  const drawFor = (paper) => {
    document.documentElement.classList.toggle("printing", paper);
    drawAll();
  };
  addEventListener("beforeprint", () => drawFor(true));
  addEventListener("afterprint", () => drawFor(false));
  drawAll();
})();
