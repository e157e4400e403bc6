/* What a script adds to pages that are whole without it: charts one can zoom, filters and figures that come without a
   new page, menus that close. It draws from the tables that readers have, and asks no address of its own.
   Runs under a policy without inline script, inline style or eval. */
"use strict";

(() => {
  const charts = new Map();

  /* Charts: the inline SVG of a figure gives way to uPlot, in the same box, from the figure's own table. */

  function read(figure) {
    const rows = [...figure.querySelectorAll("tbody tr")];
    const number = (cell) => (cell.textContent === "" ? null : parseFloat(cell.textContent.replaceAll(",", "")));
    const times = rows.map((row) => Number(row.cells[0].dataset.at));
    const columns = figure.querySelectorAll("thead th").length - 1;
    const lines = Array.from({ length: columns }, (_, at) => rows.map((row) => number(row.cells[at + 1])));
    return [times, ...lines];
  }

  function token(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function told(figure, u) {
    const spans = figure.querySelectorAll(".key output");
    const at = u.cursor.idx;
    spans.forEach((output, place) => {
      const value = at == null ? null : u.data[place + 1][at];
      output.textContent = value == null ? "" : value.toLocaleString("en", { maximumSignificantDigits: 4 });
    });
    const time = figure.querySelector(".key time");
    time.textContent = at == null ? "" : new Date(u.data[0][at] * 1000).toISOString().slice(5, 16).replace("T", " ");
  }

  function behind(limits, marks, colours) {
    return (u) => {
      const { ctx, bbox } = u;
      ctx.save();
      ctx.lineWidth = devicePixelRatio;
      for (const [, value] of limits) {
        const y = Math.round(u.valToPos(value, "y", true));
        ctx.globalAlpha = 0.06;
        ctx.fillStyle = colours.bad;
        ctx.fillRect(bbox.left, bbox.top, bbox.width, Math.max(0, y - bbox.top));
        ctx.globalAlpha = 1;
        dashed(ctx, colours.bad, [5, 4], bbox.left, y, bbox.left + bbox.width, y);
      }
      for (const [at] of marks) {
        const x = Math.round(u.valToPos(at, "x", true));
        if (x >= bbox.left && x <= bbox.left + bbox.width) dashed(ctx, colours.event, [2, 3], x, bbox.top, x, bbox.top + bbox.height);
      }
      ctx.restore();
    };
  }

  function dashed(ctx, colour, pattern, x0, y0, x1, y1) {
    ctx.strokeStyle = colour;
    ctx.setLineDash(pattern.map((length) => length * devicePixelRatio));
    ctx.beginPath();
    ctx.moveTo(x0, y0);
    ctx.lineTo(x1, y1);
    ctx.stroke();
  }

  function zoomed(u) {
    const { min, max } = u.scales.x;
    const times = u.data[0];
    const link = document.querySelector(".times .zoomed") || document.querySelector(".times")?.appendChild(document.createElement("a"));
    if (!link) return;
    link.className = "zoomed";
    link.hidden = min <= times[0] && max >= times[times.length - 1];
    const address = new URL(location.href);
    address.searchParams.delete("range");
    for (const [name, at] of [["since", Math.floor(min / 60) * 60], ["until", Math.ceil(max / 60) * 60]]) {
      address.searchParams.set(name, `${new Date(at * 1000).toISOString().slice(0, 16)}Z`);
    }
    link.href = address.href;
    link.textContent = "Only this time";
  }

  function options(figure, data, box) {
    const colours = Object.fromEntries(["l1", "l2", "l3", "l4", "bad", "event", "quiet", "line"].map((name) => [name, token(`--${name}`)]));
    const limits = JSON.parse(figure.dataset.limits || "[]");
    const marks = JSON.parse(figure.dataset.marks || "[]");
    const top = Math.max(...limits.map(([, value]) => value), 0);
    const axis = { stroke: colours.quiet, grid: { stroke: colours.line, width: 1 }, ticks: { show: false }, font: '11px system-ui, "Liberation Sans", sans-serif' };
    return {
      width: box.clientWidth,
      height: box.clientHeight,
      legend: { show: false },
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      cursor: { sync: { key: `${data[0][0]}-${data[0][data[0].length - 1]}` }, points: { size: 6 }, y: false },
      scales: { y: { range: (_, low, high) => [0, Math.max(high, top) * 1.08 || 1] } },
      axes: [{ ...axis, size: 26, space: 70, values: times }, { ...axis, size: 52, space: 34 }],
      series: [{}, ...data.slice(1).map((_, at) => ({ stroke: colours[`l${at + 1}`], width: at ? 1.25 : 1.75, spanGaps: false }))],
      hooks: { drawClear: [behind(limits, marks, colours)], setCursor: [(u) => told(figure, u)], setScale: [(u, key) => key === "x" && u.status === 1 && zoomed(u)] },
    };
  }

  function times(u, splits) {
    const isLong = u.scales.x.max - u.scales.x.min > 86400;
    return splits.map((at) => {
      const [day, time] = new Date(at * 1000).toISOString().split("T");
      return isLong ? `${Number(day.slice(8))} ${"JanFebMarAprMayJunJulAugSepOctNovDec".substr(3 * Number(day.slice(5, 7)) - 3, 3)}` : time.slice(0, 5);
    });
  }

  function draw(figure) {
    const box = figure.querySelector(".plot");
    const data = read(figure);
    if (data[0].length < 2 || !box.clientWidth) return;
    const svg = figure.querySelector("svg");
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", svg.getAttribute("aria-label"));
    const key = figure.querySelector(".key");
    key.querySelectorAll("[class^=l]:not(.limit)").forEach((span) => span.append(" ", document.createElement("output")));
    key.append(document.createElement("time"));
    svg.remove();
    charts.set(figure, new uPlot(options(figure, data, box), data, box));
    sizes.observe(box);
  }

  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const size = { width: target.clientWidth, height: target.clientHeight };
      const chart = charts.get(target.closest("figure"));
      if (chart && size.width && (chart.width !== size.width || chart.height !== size.height)) chart.setSize(size);
    }
  });

  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      draw(target);
    }
  }, { rootMargin: "200px" });

  function begin(root) {
    if (window.uPlot) root.querySelectorAll("figure.chart:has(.plot > svg)").forEach((figure) => seen.observe(figure));
  }

  /* Light, dark or paper: colours are drawn into a canvas, so it is drawn anew. */
  function drawAnew() {
    for (const [figure, chart] of charts) {
      const box = chart.root.parentElement;
      chart.destroy();
      charts.set(figure, new uPlot(options(figure, chart.data, box), chart.data, box));
    }
  }
  for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", drawAnew);

  /* Figures that come anew do not do so under somebody's hands, nor where nobody looks. */
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, requestConfig } = event.detail;
    const isPolled = /every/.test(elt.getAttribute("hx-trigger") || "") && !requestConfig.triggeringEvent;
    const isInUse = elt.contains(document.activeElement) || elt.querySelector("details[open]") || String(getSelection());
    if (isPolled && (document.hidden || isInUse)) event.preventDefault();
  });
  document.addEventListener("htmx:afterSwap", (event) => begin(event.detail.target?.parentElement || document));

  /* Menus close with Escape, and when one goes elsewhere. */
  const menus = () => document.querySelectorAll("details.menu[open], .times details[open]");
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menus().forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });
  document.addEventListener("click", (event) => menus().forEach((menu) => (menu.open = menu.contains(event.target))));

  begin(document);
})();
