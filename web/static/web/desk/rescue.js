/* An ordinary script, apart from the modules: if they did not come to life, the page becomes the plain form it is below. */
addEventListener("load", () => {
  const desk = document.getElementById("desk");
  if (!desk || "board" in desk) return;
  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = document.querySelector("script[data-style]")?.getAttribute("data-style") ?? "";
  document.head.append(style);
  desk.setAttribute("aria-busy", "false");
});
