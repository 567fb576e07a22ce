"use strict";
// Draws the Pareto front with plotly, which the page carries compressed. Without scripts the pictures below it stay.
(async () => {
  const place = document.getElementById("front-plot");
  const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent.trim()), c => c.charCodeAt(0));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const code = document.createElement("script");
  code.textContent = await new Response(unpacked).text();
  document.head.append(code);
  const figure = JSON.parse(document.getElementById("front-figure").textContent);
  const picked = document.getElementById("front-picked");
  const narrow = matchMedia("(max-width: 560px)"), dark = matchMedia("(prefers-color-scheme: dark)");

  // Colours come from the style sheet, so that the plot follows the reader's scheme.
  const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const coloured = part => {
    if (typeof part === "string") return part.startsWith("var(") ? colour(part.slice(4, -1)) : part;
    if (Array.isArray(part)) return part.map(coloured);
    if (part && typeof part === "object")
      return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, coloured(value)]));
    return part;
  };
  const axis = own => coloured({automargin: true, gridcolor: "var(--rule)", linecolor: "var(--soft)", zeroline: false, ...own});
  const draw = () => {
    const layout = coloured({
      ...figure.layout,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest", clickmode: "event",
      font: {family: getComputedStyle(document.body).fontFamily, size: 13, color: "var(--text)"},
      hoverlabel: {bgcolor: "var(--card)", bordercolor: "var(--soft)", font: {color: "var(--text)", size: 12}, align: "left"},
      modebar: {bgcolor: "rgba(0,0,0,0)", color: "var(--soft)", activecolor: "var(--winner)"},
      legend: {orientation: "h", x: 0, y: -0.22, yanchor: "top"},
      height: narrow.matches ? 430 : 480, margin: {l: 20, r: 12, t: figure.layout.updatemenus ? 72 : 36, b: 20},
      // On a touch screen a drag scrolls the page; the buttons above the plot zoom.
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
    });
    layout.xaxis = axis(figure.layout.xaxis);
    layout.yaxis = axis(figure.layout.yaxis);
    const config = {responsive: true, displaylogo: false, displayModeBar: true,
      modeBarButtons: [["toImage"], ["zoom2d", "pan2d"], ["zoomIn2d", "zoomOut2d", "resetScale2d"]]};
    return Plotly.react(place, figure.data.map(coloured), layout, config);
  };
  place.hidden = false;
  await draw();
  document.getElementById("front-pictures").hidden = true;
  document.getElementById("front-hint").hidden = false;
  for (const media of [narrow, dark]) media.addEventListener("change", draw);

  place.on("plotly_click", ({points: [point]}) => {
    for (const row of document.querySelectorAll("tr.picked")) row.classList.remove("picked");
    const rows = document.querySelectorAll(`tr[data-network="${CSS.escape(point.customdata)}"]`);
    for (const row of rows) row.classList.add("picked");
    picked.textContent = point.text.replace(/<br>/g, " · ").replace(/&lt;/g, "<").replace(/&gt;/g, ">")
      .replace(/&quot;/g, '"').replace(/&#x27;/g, "'").replace(/&amp;/g, "&")
      + (rows.length ? " · marked in the tables" : "");
  });
})();
