"""What a person would see at once, measured in the browser: nothing sticks out, is faint, nameless or too small."""

# Answers with a sentence for each fault. Colours are composed as a browser paints them, and compared as WCAG 2.2 does.
FAULTS = """
() => {
  const faults = [];
  const seen = (element) => {
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && style.visibility === "visible" && element.checkVisibility();
  };
  const channels = (color) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const context = canvas.getContext("2d");
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
    return { rgb: [red, green, blue], alpha: alpha / 255 };
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const found = channels(getComputedStyle(one).backgroundColor);
      if (found.alpha > 0.99) return found.rgb;
    }
    return [255, 255, 255];
  };
  const light = (rgb) => {
    const [red, green, blue] = rgb.map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const about = (element) =>
    `<${element.tagName.toLowerCase()} class="${element.getAttribute("class") ?? ""}"> ` +
    (element.textContent || "").trim().slice(0, 30);

  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) faults.push(`the page is ${page.scrollWidth - page.clientWidth}px too wide`);
  if (!page.lang) faults.push("the page names no language");
  if (document.querySelectorAll("h1").length !== 1) faults.push("the page has not one heading of the first level");
  if (document.querySelectorAll("main").length !== 1) faults.push("the page has not one main part");
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) faults.push(`two elements are ${id}`);

  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    const now = Number(heading.tagName[1]);
    if (now > level + 1) faults.push(`a heading skips a level: ${about(heading)}`);
    level = now;
  }
  for (const element of document.querySelectorAll("a[href], button, summary, input:not([type=hidden]), select")) {
    if (!seen(element)) continue;
    const labels = [...(element.labels ?? [])].map((label) => label.textContent).join(" ");
    const name = element.getAttribute("aria-label") || labels || element.textContent || "";
    if (!name.trim()) faults.push(`nameless: ${about(element)}`);
    const box = element.getBoundingClientRect();
    const isInText = element.tagName === "A" && getComputedStyle(element).display === "inline";
    if (!isInText && (box.width < 24 || box.height < 24)) faults.push(`smaller than 24px: ${about(element)}`);
  }
  const kinds = "button, summary, .button, input:not([type=hidden]), select, textarea";
  const controls = [...document.querySelectorAll(kinds)];
  const boxes = controls.filter(seen).map((element) => [element, element.getBoundingClientRect()]);
  for (const [i, [one, box]] of boxes.entries()) {
    for (const [other, by] of boxes.slice(i + 1)) {
      const width = Math.min(box.right, by.right) - Math.max(box.left, by.left);
      const height = Math.min(box.bottom, by.bottom) - Math.max(box.top, by.top);
      if (width > 1 && height > 1 && !one.contains(other)) faults.push(`${about(one)} lies over ${about(other)}`);
    }
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const element = text.parentElement;
    if (!text.data.trim() || element.closest("svg") || !seen(element)) continue;
    const { rgb, alpha } = channels(getComputedStyle(element).color);
    const behind = ground(element);
    const painted = rgb.map((value, i) => value * alpha + behind[i] * (1 - alpha));
    const found = contrast(painted, behind);
    if (found < 4.5) faults.push(`faint (${found.toFixed(2)}): ${about(element)}`);
  }
  return faults;
}
"""
